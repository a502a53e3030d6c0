/* SPDX-License-Identifier: MIT */
/*
 * The end of an event header (tracepoint.h shows one). In the file that says CREATE_TRACE_POINTS it reads the header twice more:
 *
 *	text	print formats as strings, enumerators
 *	code	record structure, field table, event, record function
 *
 * and in every file it takes the words away.
 */
#ifndef CAIRN_TP_READING_

#if defined(CREATE_TRACE_POINTS) && CAIRN_ENABLE
#undef CREATE_TRACE_POINTS /* nested headers must not start over */

#define CAIRN_TP_READING_
#define TRACE_HEADER_MULTI_READ

/* A path has no blanks. */
/* clang-format off */
#ifndef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE TRACE_SYSTEM
#endif
#ifdef TRACE_INCLUDE_PATH
#define CAIRN_TP_HEADER_ CAIRN_STRING_(TRACE_INCLUDE_PATH/TRACE_INCLUDE_FILE.h)
#else
#define CAIRN_TP_HEADER_ CAIRN_STRING_(trace/events/TRACE_INCLUDE_FILE.h)
#endif
/* clang-format on */

#include "words_off.h"
#include "words_text.h"
#include CAIRN_TP_HEADER_

#include "words_off.h"
#include "words_code.h"
#include CAIRN_TP_HEADER_

#undef CAIRN_TP_HEADER_
#undef TRACE_HEADER_MULTI_READ
#undef CAIRN_TP_READING_
#define CREATE_TRACE_POINTS
#endif

#include "words_off.h"
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#undef CAIRN_TP_LINUX_
#undef CAIRN_TP_DECLARING_
#endif
