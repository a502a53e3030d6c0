/* SPDX-License-Identifier: MIT */
/*
 * Attributes, section macros and the fixed-width types. The only file that tests compiler macros.
 *
 * A host without <stdint.h> defines CAIRN_NO_STDINT and gives uint8_t .. uint64_t, int8_t .. int64_t, uintptr_t, size_t
 * and bool before it includes any header of Cairn's.
 */
#ifndef CAIRN_COMPILER_H
#define CAIRN_COMPILER_H

#ifndef CAIRN_NO_STDINT
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#if !defined(__GNUC__)
#error "Cairn needs gcc 12 or clang 14, or newer: it uses GNU C attributes and inline assembly"
#endif
#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ != 8
#error "Cairn 0.x supports 64-bit targets only (docs/design.md, D17)"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Cairn 0.x supports little-endian targets only (docs/design.md, D17)"
#endif

#ifdef __cplusplus
#define CAIRN_C_BEGIN                   extern "C" {
#define CAIRN_C_END                     }
#define CAIRN_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define CAIRN_C_BEGIN
#define CAIRN_C_END
#define CAIRN_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

#define CAIRN_INLINE             static inline __attribute__((__always_inline__, __unused__))
#define CAIRN_MUST_CHECK         __attribute__((__warn_unused_result__))
#define CAIRN_HIDDEN             __attribute__((__visibility__("hidden")))
#define CAIRN_COLD               __attribute__((__cold__, __noinline__))
#define CAIRN_USED               __attribute__((__used__))
#define CAIRN_UNUSED             __attribute__((__unused__))
#define CAIRN_ALIGNED(n)         __attribute__((__aligned__(n)))
#define CAIRN_READS_BESIDE       __attribute__((__no_sanitize_address__, __no_sanitize_thread__)) /* an object, in its words */
#define CAIRN_READS_RACING       __attribute__((__no_sanitize_thread__)) /* copies first, validates then */
#define CAIRN_LIKELY(x)          __builtin_expect(!!(x), 1)
#define CAIRN_UNLIKELY(x)        __builtin_expect(!!(x), 0)
#define CAIRN_PRINTF(fmt, first) __attribute__((__format__(__printf__, fmt, first)))

/*
 * Order of a load whose value is an address: what is loaded through it comes later by itself (address dependency). The thread sanitizer does
 * not know that.
 */
#if defined(__SANITIZE_THREAD__)
#define CAIRN_SANITIZE_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAIRN_SANITIZE_THREAD 1
#endif
#endif
#ifndef CAIRN_SANITIZE_THREAD
#define CAIRN_SANITIZE_THREAD 0
#endif
#define CAIRN_ORDER_DEPENDENT (CAIRN_SANITIZE_THREAD ? __ATOMIC_ACQUIRE : __ATOMIC_RELAXED)

/* Shared between Cairn's own files only: `static` in the single-file build, hidden otherwise. */
#ifndef CAIRN_PRIVATE
#define CAIRN_PRIVATE CAIRN_HIDDEN
#endif

#endif
