/* SPDX-License-Identifier: MIT */
/*
 * The only door to memory ordering: the order stands in the function's name. All are on plain 32 and 64-bit integers, since an
 * _Atomic member does not compile as C++. A relaxed access is single: the compiler may not split, repeat or drop it, nor move it
 * across another (volatile). cairn_local_* are atomic against what interrupts this CPU or thread, not against other CPUs. cairn_load64_own() is
 * for words that no other CPU writes while this one looks: the compiler may make the load a part of the instruction that uses it, and moves it
 * across anything but a barrier, a cairn_local_* and what its address depends on.
 *
 * Two bodies: builtins, and with CAIRN_MODEL=1 one call per access into the test that owns the schedule (tests/model/), which
 * performs the access and may run anything before and after it.
 */
#ifndef CAIRN_ATOMIC_H
#define CAIRN_ATOMIC_H

#include "../arch/arch.h"

#ifndef CAIRN_MODEL
#define CAIRN_MODEL 0
#endif

#if CAIRN_MODEL

CAIRN_C_BEGIN
enum cairn_order { CAIRN_RELAXED, CAIRN_ACQUIRE, CAIRN_RELEASE, CAIRN_FULL };
uint64_t cairn_model_load(const volatile void *p, unsigned bytes, enum cairn_order order);
void cairn_model_store(volatile void *p, unsigned bytes, uint64_t v, enum cairn_order order);
bool cairn_model_cas(volatile uint64_t *p, uint64_t old_value, uint64_t new_value);
void cairn_model_inc(volatile uint64_t *p);
void cairn_model_fence(enum cairn_order order);
CAIRN_C_END

CAIRN_INLINE uint64_t cairn_load64(const volatile uint64_t *p)
{
	return cairn_model_load(p, 8, CAIRN_RELAXED);
}

CAIRN_INLINE uint64_t cairn_load64_own(const uint64_t *p)
{
	return cairn_model_load(p, 8, CAIRN_RELAXED);
}

CAIRN_INLINE uint32_t cairn_load32(const volatile uint32_t *p)
{
	return (uint32_t)cairn_model_load(p, 4, CAIRN_RELAXED);
}

CAIRN_INLINE void cairn_store64(volatile uint64_t *p, uint64_t v)
{
	cairn_model_store(p, 8, v, CAIRN_RELAXED);
}

CAIRN_INLINE void cairn_store32(volatile uint32_t *p, uint32_t v)
{
	cairn_model_store(p, 4, v, CAIRN_RELAXED);
}

CAIRN_INLINE uint64_t cairn_load64_acquire(const volatile uint64_t *p)
{
	return cairn_model_load(p, 8, CAIRN_ACQUIRE);
}

CAIRN_INLINE uint32_t cairn_load32_acquire(const volatile uint32_t *p)
{
	return (uint32_t)cairn_model_load(p, 4, CAIRN_ACQUIRE);
}

CAIRN_INLINE void cairn_store64_release(volatile uint64_t *p, uint64_t v)
{
	cairn_model_store(p, 8, v, CAIRN_RELEASE);
}

CAIRN_INLINE void cairn_store32_release(volatile uint32_t *p, uint32_t v)
{
	cairn_model_store(p, 4, v, CAIRN_RELEASE);
}

CAIRN_INLINE bool cairn_local_cas64(volatile uint64_t *p, uint64_t old_value, uint64_t new_value)
{
	return cairn_model_cas(p, old_value, new_value);
}

CAIRN_INLINE void cairn_local_inc64(volatile uint64_t *p)
{
	cairn_model_inc(p);
}

CAIRN_INLINE void cairn_fence_acquire(void)
{
	cairn_model_fence(CAIRN_ACQUIRE);
}

CAIRN_INLINE void cairn_fence_release(void)
{
	cairn_model_fence(CAIRN_RELEASE);
}

CAIRN_INLINE void cairn_fence_full(void)
{
	cairn_model_fence(CAIRN_FULL);
}

#else

CAIRN_INLINE uint64_t cairn_load64(const volatile uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

CAIRN_INLINE uint64_t cairn_load64_own(const uint64_t *p)
{
#if CAIRN_SANITIZE_THREAD
	return __atomic_load_n(p, __ATOMIC_RELAXED);
#else
	return *p;
#endif
}

CAIRN_INLINE uint32_t cairn_load32(const volatile uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

CAIRN_INLINE void cairn_store64(volatile uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

CAIRN_INLINE void cairn_store32(volatile uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

CAIRN_INLINE uint64_t cairn_load64_acquire(const volatile uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

CAIRN_INLINE uint32_t cairn_load32_acquire(const volatile uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

CAIRN_INLINE void cairn_store64_release(volatile uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

CAIRN_INLINE void cairn_store32_release(volatile uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

CAIRN_INLINE bool cairn_local_cas64(volatile uint64_t *p, uint64_t old_value, uint64_t new_value)
{
	return cairn_arch_local_cas64(p, old_value, new_value);
}

CAIRN_INLINE void cairn_local_inc64(volatile uint64_t *p)
{
	cairn_arch_local_inc64(p);
}

CAIRN_INLINE void cairn_fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

CAIRN_INLINE void cairn_fence_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

CAIRN_INLINE void cairn_fence_full(void)
{
	cairn_arch_fence_full();
}

#endif

/* Compiler only: enough against what interrupts this CPU, which sees our accesses in program order. */
CAIRN_INLINE void cairn_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/* A pointer of the writer's own, exchanged by control operations: single; what is reached through it depends on it. */
#define CAIRN_LOAD_PTR(p) __atomic_load_n((p), CAIRN_ORDER_DEPENDENT)

#endif
