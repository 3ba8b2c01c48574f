/* SPDX-License-Identifier: MIT */
/*
 * What the replacement libraries have in common: a connection to the hypervisor, and the memory of
 * the domains that this handle deals with. Each library handle embeds one client; there is no state
 * outside it. All functions are safe to call from several threads.
 */
#ifndef XPV_SIM_CLIENT_H
#define XPV_SIM_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "proto.h"

/* A domain's memory, mapped whole. */
struct sim_domain {
	struct sim_domain *next;
	uint32_t domid, generation;
	unsigned int users;
	int fd;
	void *base;
};

struct sim_client {
	int fd;
	uint32_t domid;			/* our own */
	uint32_t generation;
	uint32_t handle;		/* event channel handle id */
	pthread_mutex_t call_lock;	/* one request at a time */
	pthread_mutex_t lock;		/* of the list */
	struct sim_domain *domains;
};

/*
 * client.c: connect as `kind`; `cookie` is for SIM_KIND_EVTCHN_ADOPT. `fds` gets the SIM_MAX_FDS
 * descriptors that the hypervisor answers with, -1 where there is none; it may be NULL if there are
 * none to expect. Returns 0 or -errno.
 */
int sim_client_open(struct sim_client *client, enum sim_kind kind, uint64_t cookie, int *fds);
void sim_client_close(struct sim_client *client);

/*
 * Send a request whose operation and union are filled in, `size` bytes of it; the reply is left in
 * `msg`. Returns its rc: 0 or more, or -errno.
 */
int sim_call(struct sim_client *client, struct sim_msg *msg, size_t size, int *fds);

/* domains.c: a domain's memory; generation 0 is whatever lives there now. Returns 0 or -errno. */
int sim_domain_get(struct sim_client *client, uint32_t domid, uint32_t generation,
		   struct sim_domain **domain);
void sim_domain_put(struct sim_client *client, struct sim_domain *domain);
int sim_domain_add(struct sim_client *client, uint32_t domid, uint32_t generation, int fd,
		   struct sim_domain **domain);
void sim_domains_free(struct sim_client *client);

/* Maps `count` frames of a domain next to each other at `addr`, over what is there. 0 or -errno. */
int sim_map_frames(const struct sim_domain *domain, void *addr, const uint32_t *frames,
		   uint32_t count, int prot);

/* For libraries' entry points: 0 stays, -errno becomes -1 with errno set. */
int sim_result(int rc);

#endif
