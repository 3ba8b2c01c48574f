/* SPDX-License-Identifier: MIT */
/*
 * The domains whose memory a handle has mapped, found by domid. A domain that died is dropped once
 * nobody uses it, and the domid is asked for again: what is there now may be another domain.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

static void drop(struct sim_domain **link)
{
	struct sim_domain *domain = *link;

	*link = domain->next;
	munmap(domain->base, SIM_MEMORY_SIZE);
	close(domain->fd);
	free(domain);
}

static struct sim_domain *find(struct sim_client *client, uint32_t domid, uint32_t generation)
{
	struct sim_domain **link = &client->domains;

	while (*link) {
		struct sim_domain *domain = *link;
		bool dead = atomic_load(&sim_header(domain->base)->dead);
		bool meant = generation ? generation == domain->generation : !dead;

		if (domain->domid == domid && meant)
			return domain;
		if (dead && !domain->users)
			drop(link);
		else
			link = &domain->next;
	}
	return NULL;
}

/* Takes over `fd`, also on failure. */
int sim_domain_add(struct sim_client *client, uint32_t domid, uint32_t generation, int fd,
		   struct sim_domain **domain)
{
	struct sim_domain *new = calloc(1, sizeof(*new));
	void *base = mmap(NULL, SIM_MEMORY_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (!new || base == MAP_FAILED) {
		int rc = new ? -errno : -ENOMEM;

		if (base != MAP_FAILED)
			munmap(base, SIM_MEMORY_SIZE);
		free(new);
		close(fd);
		return rc;
	}
	*new = (struct sim_domain){ .domid = domid, .generation = generation, .users = 1,
				    .fd = fd, .base = base };
	pthread_mutex_lock(&client->lock);
	new->next = client->domains;
	client->domains = new;
	pthread_mutex_unlock(&client->lock);
	*domain = new;
	return 0;
}

int sim_domain_get(struct sim_client *client, uint32_t domid, uint32_t generation,
		   struct sim_domain **domain)
{
	struct sim_msg msg = { .op = SIM_MEMORY, .u.memory.domid = domid };
	int fds[SIM_MAX_FDS], rc;

	pthread_mutex_lock(&client->lock);
	*domain = find(client, domid, generation);
	if (*domain)
		(*domain)->users++;
	pthread_mutex_unlock(&client->lock);
	if (*domain)
		return 0;
	rc = sim_call(client, &msg, sizeof(msg.u.memory), fds);
	if (rc < 0)
		return rc;
	if (generation && msg.u.memory.generation != generation) {
		close(fds[0]);
		return -ESRCH;
	}
	return sim_domain_add(client, msg.u.memory.domid, msg.u.memory.generation, fds[0], domain);
}

void sim_domain_put(struct sim_client *client, struct sim_domain *domain)
{
	pthread_mutex_lock(&client->lock);
	domain->users--;
	pthread_mutex_unlock(&client->lock);
}

void sim_domains_free(struct sim_client *client)
{
	while (client->domains)
		drop(&client->domains);
}

int sim_map_frames(const struct sim_domain *domain, void *addr, const uint32_t *frames,
		   uint32_t count, int prot)
{
	uint32_t run;

	for (uint32_t i = 0; i < count; i += run) {
		for (run = 1; i + run < count && frames[i + run] == frames[i] + run; run++)
			;
		if (mmap((char *)addr + (size_t)i * SIM_PAGE, (size_t)run * SIM_PAGE, prot,
			 MAP_SHARED | MAP_FIXED, domain->fd,
			 (off_t)sim_frame_offset(frames[i])) == MAP_FAILED)
			return -errno;
	}
	return 0;
}
