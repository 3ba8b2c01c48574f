/* SPDX-License-Identifier: MIT */
/*
 * The simulated hypervisor's own state. None of it is shared: what clients can write (memory.h)
 * is read once and checked.
 *
 * Ownership: a domain owns its ports, grants and event handles; a connection owns its mappings
 * and shared pages. A domain that was destroyed stays, dying, until nobody maps its pages and its
 * machine has hung up. Nothing is freed while events are dispatched; main.c sweeps afterwards.
 */
#ifndef XPV_SIM_HV_H
#define XPV_SIM_HV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "event.h"
#include "memory.h"
#include "proto.h"

#define HV_NR_PARAMS	39	/* HVM_NR_PARAMS of Xen 4.17 */
#define HV_NO_PORT	(~0u)

struct hv;
struct domain;

/* A descriptor in the epoll set, embedded in its owner. */
struct watch {
	int fd;
	void (*ready)(struct hv *hv, struct watch *watch, uint32_t events);
};

/* What becomes of a page's peer when a mapping or a shared page goes without a word. */
struct unmap_notify {
	uint32_t offset;	/* ~0: none */
	uint32_t port;		/* HV_NO_PORT: none; holds a reference on the port */
};

struct port {
	uint8_t state;		/* EVTCHNSTAT_* */
	bool orphan;		/* its handle is gone, an unmap_notify keeps it open */
	uint16_t remote_domid;
	uint32_t remote_port;
	uint32_t gen;		/* what memory.h's gen should be */
	uint32_t notifies;	/* unmap_notify references */
	struct evtchn *owner;
};

/* An event channel handle: what /dev/xen/evtchn's open file is. */
struct evtchn {
	struct watch watch;	/* the queue's sending end; hangs up with the last receiver */
	LIST_ENTRY(evtchn) link;
	struct domain *dom;
	uint32_t id;
	uint32_t restricted;	/* to this domain; ~0: not */
	uint64_t cookie;	/* SO_COOKIE of the receiving end */
};

struct grant {
	struct conn *owner;	/* shared it through libxengntshr; else NULL */
	struct unmap_notify notify;
	uint32_t frame;		/* of a shared page, or of the present mappings */
	uint32_t readers, writers;
	bool busy;		/* shared, or revoked and still mapped */
};

struct domain {
	LIST_ENTRY(domain) link;
	uint32_t domid, generation;
	int memfd;
	void *base;
	bool paused, dying, shutdown;
	uint8_t reason;
	uint32_t flags;		/* XEN_DOMINF_hvm_guest */
	uint32_t vcpus, ssidref;
	uint64_t max_pages;
	uint8_t handle[16];
	uint64_t params[HV_NR_PARAMS];
	struct conn *machine;
	uint32_t maps;		/* of its pages, by any domain */
	uint32_t nr_ports, nr_grants;	/* in use */
	uint32_t next_ref, next_frame;
	struct port ports[SIM_NR_PORTS];
	struct grant grants[SIM_NR_GRANTS];
	uint8_t frames[SIM_NR_FRAMES / 8];
	LIST_HEAD(, evtchn) evtchns;
};

/* A mapping of another domain's page. */
struct map {
	struct domain *dom;	/* NULL: unused */
	uint32_t ref;
	uint32_t next_free;
	struct unmap_notify notify;
	bool readonly;
};

struct conn {
	struct watch watch;
	LIST_ENTRY(conn) link;
	enum sim_kind kind;
	struct domain *dom;	/* NULL until SIM_HELLO, and after the end */
	struct evtchn *evtchn;	/* SIM_KIND_EVTCHN* */
	struct map *maps;	/* SIM_KIND_GNTTAB */
	uint32_t nr_maps, free_map;
	uint32_t restricted;	/* SIM_KIND_FOREIGN: ~0: not */
	int fds[SIM_MAX_FDS];	/* to go with the reply */
	unsigned int nr_fds;
	int close_fd;		/* one of them that is not needed here afterwards; -1: none */
	pid_t pid;
};

struct hv {
	int epoll;
	struct watch listener, signals;
	LIST_HEAD(, conn) conns;
	LIST_HEAD(, domain) domains;
	LIST_HEAD(, conn) dead_conns;
	LIST_HEAD(, evtchn) dead_evtchns;
	uint32_t next_domid, next_generation, next_handle;
	uint32_t dom_exc_port;	/* of domain 0, bound to VIRQ_DOM_EXC; or 0 */
	bool stopping;
};

/* main.c: the loop */
int hv_watch_add(struct hv *hv, struct watch *watch, uint32_t events);
void hv_watch_close(struct hv *hv, struct watch *watch);

/* conn.c: connections */
void conn_accept(struct hv *hv, struct watch *watch, uint32_t events);
void conn_close(struct hv *hv, struct conn *conn);
void conn_note(struct conn *conn, enum sim_event event);

/* domain.c: domains that come and go */
struct domain *domain_find(struct hv *hv, uint32_t domid);
struct domain *domain_target(struct hv *hv, struct conn *conn, uint32_t domid);
struct domain *domain_new(struct hv *hv, uint32_t domid);
void domain_destroy(struct hv *hv, struct domain *dom);
void domain_shutdown(struct hv *hv, struct domain *dom, uint8_t reason);
void domain_crash(struct hv *hv, struct domain *dom);
void domain_settle(struct hv *hv, struct domain *dom);
int domain_frame_alloc(struct domain *dom, uint32_t *frame);
void domain_frame_free(struct domain *dom, uint32_t frame);
void domain_info(struct hv *hv, struct domain *dom, struct sim_domain_info *info);

/* Operations: each answers in the message it was given, and returns 0 or more, or -errno. */

/* control.c: the toolstack's */
int op_memory(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_restrict(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_create(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_destroy(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_pause(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_unpause(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_shutdown(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_resume(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_config(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_dom_list(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_param_get(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_param_set(struct hv *hv, struct conn *conn, struct sim_msg *msg);

/* evtchn.c: event channels */
int evtchn_open(struct hv *hv, struct conn *conn, uint32_t *id);
int evtchn_attach(struct hv *hv, struct conn *conn, uint64_t cookie, uint32_t *id);
void evtchn_close(struct hv *hv, struct evtchn *evtchn);
int port_alloc(struct domain *dom, uint32_t remote_domid, struct evtchn *owner, uint32_t *port);
void port_close(struct hv *hv, struct domain *dom, uint32_t port);
void port_publish(struct domain *dom, uint32_t port);
void port_raise(struct domain *dom, uint32_t port);
void port_kick(struct domain *dom, uint32_t port);
int port_hold(struct domain *dom, uint32_t port);
void port_fire(struct hv *hv, struct domain *dom, uint32_t port);
void evtchn_virq_dom_exc(struct hv *hv);

/* port.c: operations on event channels */
int op_evtchn_alloc(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_bind(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_virq(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_unbind(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_adopt(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_peer(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_kick(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_status(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_reset(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_evtchn_restrict(struct hv *hv, struct conn *conn, struct sim_msg *msg);

/* grant.c: mapping other domains' pages */
int op_grant_map(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_grant_unmap(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_grant_notify(struct hv *hv, struct conn *conn, struct sim_msg *msg);
void grant_unmap_all(struct hv *hv, struct conn *conn);
void notify_fire(struct hv *hv, struct domain *port_dom, struct domain *page_dom, uint32_t frame,
		 struct unmap_notify *notify);
int notify_set(struct domain *port_dom, const struct sim_notify *want, struct unmap_notify *notify);

/* share.c: granting one's own pages */
int op_share(struct hv *hv, struct conn *conn, struct sim_msg *msg);
int op_unshare(struct hv *hv, struct conn *conn, struct sim_msg *msg);
void share_revoke_all(struct hv *hv, struct conn *conn);
void share_release(struct domain *dom, uint32_t ref);

#endif
