/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - the only atomics in the project that touch memory shared with another domain
 *
 * A ring's two ends agree on order with five operations and nothing else. Every use names its
 * partner on the other side. The macros work on naturally aligned objects of 1, 2, 4 or 8 bytes.
 * Freestanding; may be used in any context.
 *
 *   store_release(p, v)	all that was written before is seen by whoever load_acquires v
 *   load_acquire(p)	what is read afterwards is at least as new as what was loaded
 *   read_once(p)		one load, never repeated, torn or invented by the compiler
 *   write_once(p, v)	one store, likewise
 *   full_fence()		orders earlier stores before later loads (x86: the one case that it
 *			reorders); needed wherever "I publish, then look at your flag" meets
 *			"I set my flag, then look at what you published"
 *
 * Two more are for a map of bits that the threads of one process share; they order nothing:
 *
 *   set_bits(p, m), clear_bits(p, m)	whatever others do to other bits of the word
 */
#ifndef XPV_BARRIER_H
#define XPV_BARRIER_H

#define load_acquire(p)		__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define read_once(p)		__atomic_load_n((p), __ATOMIC_RELAXED)
#define write_once(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define full_fence()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define set_bits(p, m)		((void)__atomic_fetch_or((p), (m), __ATOMIC_RELAXED))
#define clear_bits(p, m)	((void)__atomic_fetch_and((p), ~(m), __ATOMIC_RELAXED))

/* Makes the compiler forget what it knows about memory: after it, a private copy is read from the
 * copy, and never again from what it was copied from. */
#define compiler_barrier()	__asm__ __volatile__("" : : : "memory")

/* Tells the processor that this is a loop that waits for another one. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ __volatile__("yield");
#endif
}

#endif
