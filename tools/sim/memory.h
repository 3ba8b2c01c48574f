/* SPDX-License-Identifier: MIT */
/*
 * The memory of a simulated domain.
 *
 * One sparse memfd holds everything a domain shares: a header, its grant table (Xen's version 1
 * layout), its event channel ports and its page frames. The hypervisor creates it and maps it
 * whole; a library maps the whole memfd of each domain that it deals with, so that a notification
 * or a grant copy needs no message to the hypervisor.
 *
 * Who writes what: the header and all of a port but `word` are written by the hypervisor alone,
 * which keeps its own copy and never believes what it reads back. `word` is the mask/pending
 * protocol of event.h. A grant entry is written by the domain that grants; the hypervisor only
 * sets and clears GTF_reading and GTF_writing in it, as Xen does.
 */
#ifndef XPV_SIM_MEMORY_H
#define XPV_SIM_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

#define SIM_MAGIC	0x58505653u	/* "XPVS" */
#define SIM_PAGE	4096u

#define SIM_NR_GRANTS	32768u		/* Xen's default: 64 frames of entries */
#define SIM_NR_PORTS	4096u		/* Xen's two-level limit on 64 bits */
#define SIM_NR_FRAMES	65536u		/* 256 MiB that can be shared, none of it used at first */
#define SIM_FIRST_FRAME	16u		/* lower frames belong to the domain builder */
#define SIM_FIRST_GRANT	GNTTAB_NR_RESERVED_ENTRIES

struct sim_header {
	uint32_t magic;
	uint32_t domid;
	uint32_t generation;		/* tells two domains with the same domid apart */
	_Atomic uint32_t dead;		/* being destroyed: nothing more may be mapped or copied */
	_Atomic uint32_t overflow;	/* counts messages that a full queue refused: see event.h */
};

/* A grant entry as one word, so that it is read and changed at once. */
typedef _Atomic uint64_t sim_grant_t;

/* An event channel port; a cache line each. */
struct sim_port {
	_Atomic uint32_t word;		/* SIM_PENDING and SIM_MASKED: see event.h */
	_Atomic uint32_t gen;		/* moves when the port, or its peer's owner, changes */
	_Atomic uint32_t owner;		/* the handle that receives the events; 0: none */
	uint32_t reserved[13];
};

#define SIM_GRANTS_OFFSET	SIM_PAGE
#define SIM_PORTS_OFFSET	(SIM_GRANTS_OFFSET + SIM_NR_GRANTS * sizeof(sim_grant_t))
#define SIM_FRAMES_OFFSET	(SIM_PORTS_OFFSET + SIM_NR_PORTS * sizeof(struct sim_port))
#define SIM_MEMORY_SIZE		(SIM_FRAMES_OFFSET + (size_t)SIM_NR_FRAMES * SIM_PAGE)

_Static_assert(sizeof(struct sim_header) <= SIM_PAGE, "the header is one page");
_Static_assert(sizeof(sim_grant_t) == sizeof(struct grant_entry_v1), "Xen's entry");
_Static_assert(offsetof(struct grant_entry_v1, domid) == 2, "Xen's entry");
_Static_assert(offsetof(struct grant_entry_v1, frame) == 4, "Xen's entry");
_Static_assert(sizeof(struct sim_port) == 64, "a cache line");
_Static_assert(SIM_FRAMES_OFFSET % SIM_PAGE == 0, "frames are pages");

static inline struct sim_header *sim_header(void *base)
{
	return base;
}

static inline sim_grant_t *sim_grant(void *base, uint32_t ref)
{
	return (sim_grant_t *)((char *)base + SIM_GRANTS_OFFSET) + ref;
}

static inline struct sim_port *sim_port(void *base, uint32_t port)
{
	return (struct sim_port *)((char *)base + SIM_PORTS_OFFSET) + port;
}

static inline size_t sim_frame_offset(uint32_t frame)
{
	return SIM_FRAMES_OFFSET + (size_t)frame * SIM_PAGE;
}

static inline void *sim_frame(void *base, uint32_t frame)
{
	return (char *)base + sim_frame_offset(frame);
}

/* The fields of an entry, and an entry of its fields (little-endian, as x86 and arm are). */
static inline uint16_t sim_grant_flags(uint64_t entry)
{
	return (uint16_t)entry;
}

static inline uint16_t sim_grant_domid(uint64_t entry)
{
	return (uint16_t)(entry >> 16);
}

static inline uint32_t sim_grant_frame(uint64_t entry)
{
	return (uint32_t)(entry >> 32);
}

static inline uint64_t sim_grant_entry(uint16_t flags, uint16_t domid, uint32_t frame)
{
	return flags | (uint64_t)domid << 16 | (uint64_t)frame << 32;
}

/*
 * May `domid` use this entry? Returns GNTST_okay or Xen's status for the refusal: a wrong type, a
 * wrong domain and a write to a read-only entry are all GNTST_general_error there.
 */
static inline int sim_grant_check(uint64_t entry, uint32_t domid, int write)
{
	uint16_t flags = sim_grant_flags(entry);

	if ((flags & GTF_type_mask) != GTF_permit_access || sim_grant_domid(entry) != domid)
		return GNTST_general_error;
	if (write && (flags & GTF_readonly))
		return GNTST_general_error;
	if (sim_grant_frame(entry) >= SIM_NR_FRAMES)
		return GNTST_general_error;
	return GNTST_okay;
}

#endif
