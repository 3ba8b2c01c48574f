/* SPDX-License-Identifier: MIT */
/*
 * Messages between the simulator's libraries and its hypervisor.
 *
 * A handle of libxengnttab, libxencall and so on is a SEQPACKET connection. A request is one
 * message, its reply is the same message with `rc` filled in (0 or more, or -errno) and
 * descriptors attached where the operation hands out any. The first request on a connection is
 * SIM_HELLO. Only a SIM_KIND_MACHINE connection gets messages that it did not ask for: struct
 * sim_note.
 */
#ifndef XPV_SIM_PROTO_H
#define XPV_SIM_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define SIM_PROTO_VERSION	1
#define SIM_SOCKET		"sim/hypervisor.sock"	/* below XPV_RUNDIR */
#define SIM_BATCH		256			/* entries a message at most */
#define SIM_MAX_FDS		3

enum sim_kind {
	SIM_KIND_EVTCHN,	/* a new event channel handle */
	SIM_KIND_EVTCHN_ADOPT,	/* another connection for one: see hello.cookie */
	SIM_KIND_GNTTAB,
	SIM_KIND_GNTSHR,
	SIM_KIND_CALL,
	SIM_KIND_FOREIGN,
	SIM_KIND_MACHINE,	/* xpv-sim-vm: the domain crashes when it hangs up */
	SIM_KIND_MEMBER,	/* closed when the domain goes; asks for nothing */
	SIM_NR_KINDS
};

enum sim_op {
	SIM_HELLO,
	SIM_MEMORY,		/* the memfd of a domain */
	/* event channels */
	SIM_EVTCHN_ALLOC,
	SIM_EVTCHN_BIND,
	SIM_EVTCHN_VIRQ,
	SIM_EVTCHN_UNBIND,
	SIM_EVTCHN_ADOPT,	/* a port the toolstack allocated becomes this handle's */
	SIM_EVTCHN_PEER,	/* where a notification on a port goes */
	SIM_EVTCHN_KICK,	/* queue a port number again if its word says so */
	SIM_EVTCHN_STATUS,
	SIM_EVTCHN_RESET,
	SIM_EVTCHN_RESTRICT,
	/* grants */
	SIM_GRANT_MAP,
	SIM_GRANT_UNMAP,
	SIM_GRANT_NOTIFY,	/* the unmap notification of a mapping, or of a shared page */
	SIM_SHARE,
	SIM_UNSHARE,
	/* domains */
	SIM_DOM_CREATE,
	SIM_DOM_DESTROY,
	SIM_DOM_PAUSE,
	SIM_DOM_UNPAUSE,
	SIM_DOM_SHUTDOWN,
	SIM_DOM_RESUME,
	SIM_DOM_CONFIG,		/* memory, vcpus, handle: fields that are not ~0 */
	SIM_DOM_LIST,
	SIM_PARAM_GET,
	SIM_PARAM_SET,
	SIM_RESTRICT,		/* a foreignmemory handle sees one domain from now on */
	SIM_NR_OPS
};

struct sim_hello {
	uint32_t version;
	uint32_t kind;
	uint32_t domid;		/* in: the caller's domain */
	uint32_t generation;	/* out */
	uint32_t handle;	/* out: the event channel handle's id */
	uint32_t pad;
	uint64_t cookie;	/* in, SIM_KIND_EVTCHN_ADOPT: SO_COOKIE of the handle's fd */
};

struct sim_ports {
	uint32_t domid;		/* whose port; DOMID_SELF will do */
	uint32_t port;
	uint32_t remote_domid;
	uint32_t remote_port;
	uint32_t virq;
	uint32_t state;		/* EVTCHNSTAT_* */
	uint32_t gen;		/* of the local port */
	uint32_t generation;	/* of the remote domain */
};

struct sim_memory {
	uint32_t domid;
	uint32_t generation;	/* out */
};

struct sim_map {
	uint32_t domid;
	uint32_t ref;
	int32_t status;		/* out: GNTST_* */
	uint32_t id;		/* out of SIM_GRANT_MAP, into SIM_GRANT_UNMAP */
	uint32_t frame;		/* out */
	uint32_t generation;	/* out */
};

struct sim_maps {
	uint32_t count;
	uint32_t readonly;
	struct sim_map entry[SIM_BATCH];
};

struct sim_notify {
	uint32_t id;		/* a mapping's id, or a shared page's grant reference */
	uint32_t offset;	/* of the byte to clear; ~0: none */
	uint32_t port;		/* to notify; ~0: none */
};

struct sim_shared {
	uint32_t ref;
	uint32_t frame;
};

struct sim_share {
	uint32_t domid;
	uint32_t count;
	uint32_t readonly;
	uint32_t pad;
	struct sim_shared entry[SIM_BATCH];
};

struct sim_domain_info {
	uint32_t domid;
	uint32_t flags;		/* XEN_DOMINF_* */
	uint64_t pages;
	uint64_t max_pages;
	uint32_t vcpus;
	uint32_t ssidref;
	uint8_t handle[16];
	uint32_t reason;	/* in, of SIM_DOM_SHUTDOWN */
	/* what is in use, for `xpv sim status` and for tests that look for leaks */
	uint32_t ports;
	uint32_t grants;	/* of this domain's pages */
	uint32_t maps;		/* of this domain's pages, by anyone */
	uint32_t clients;	/* connections of its programs */
	uint32_t handles;	/* event channel handles */
};

struct sim_domain_list {
	uint32_t first;
	uint32_t count;
	struct sim_domain_info entry[64];
};

struct sim_param {
	uint32_t domid;
	uint32_t index;
	uint64_t value;
};

struct sim_msg {
	uint32_t op;
	int32_t rc;
	uint32_t size;		/* of the part of the union that is sent */
	uint32_t pad;
	union {
		struct sim_hello hello;
		struct sim_memory memory;
		struct sim_ports ports;
		struct sim_maps maps;
		struct sim_notify notify;
		struct sim_share share;
		struct sim_domain_info dom;
		struct sim_domain_list list;
		struct sim_param param;
	} u;
};

#define SIM_MSG_HEAD	offsetof(struct sim_msg, u)

enum sim_event {
	SIM_NOTE_RUN,		/* the domain is running: also sent at once if it already does */
	SIM_NOTE_PAUSE,
	SIM_NOTE_SHUTDOWN,	/* it has shut down: its programs must not run on */
	SIM_NOTE_DESTROY,	/* it is being destroyed: end everything and hang up */
};

struct sim_note {
	uint32_t event;
};

#endif
