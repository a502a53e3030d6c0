/* SPDX-License-Identifier: MIT */
/*
 * Cairn: tracing and instrumentation for kernels. Includes the public headers in the order to read them.
 *
 *	event.h		declare a tracepoint; find events and switch them on
 *	trace.h		the region and its rings; init, hooks, stop
 *	buffer.h	several buffers: instances, snapshots, resize
 *	flight.h	stop after n events, keep the last seconds
 *	read.h		read a ring from inside, packet by packet
 *	key.h		the branch that costs a nop when off
 *	ring.h		the writer
 *	layout.h	the bytes that readers see
 *	port.h		what the host provides
 *	config.h	compile-time knobs
 */
#ifndef CAIRN_CAIRN_H
#define CAIRN_CAIRN_H

#define CAIRN_VERSION_MAJOR 0
#define CAIRN_VERSION_MINOR 1
#define CAIRN_VERSION_PATCH 0
#define CAIRN_VERSION       "0.1.0"

#include "event.h"
#include "trace.h"
#include "buffer.h"
#include "flight.h"
#include "read.h"
#include "key.h"
#include "ring.h"
#include "layout.h"
#include "port.h"
#include "error.h"
#include "config.h"

#endif
