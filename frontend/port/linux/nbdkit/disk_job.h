/* SPDX-License-Identifier: MIT */
/*
 * disk_job.h - a transfer of any size, as requests that a ring takes
 *
 * Pure: it knows how far a transfer has come, and nothing of rings, threads or NBD. Its user sends
 * the pieces that it cuts, in order, and tells it of each that comes back, in any order:
 *
 *	while (disk_job_cut(&job, max_sectors, &req) && submitted(&req))
 *		disk_job_sent(&job, &req);
 *	...
 *	disk_job_back(&job, req.status);
 *
 * After the first error nothing more is cut, but what was sent is waited for: until then its data
 * is in use.
 */
#ifndef XPV_DISK_JOB_H
#define XPV_DISK_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "pv.h"

struct disk_job {
	enum pv_blk_op op;
	bool more;		/* there is something to cut */
	uint32_t under_way;	/* pieces that were sent and are not back */
	uint64_t sector;	/* where the next piece begins, in units of 512 bytes */
	uint64_t sectors;	/* that were not sent yet */
	uint8_t *data;		/* theirs; NULL if there are none */
	enum pv_err status;	/* the first error */
};

/* A flush has no sectors and no data, and is one piece. */
void disk_job_init(struct disk_job *job, enum pv_blk_op op, uint64_t sector, uint64_t sectors,
		   void *data);
/* Makes req the next piece, of max_sectors at most (a multiple of the disk's own sectors); false,
 * and req untouched, if there is none. The same piece is cut again until disk_job_sent(). */
bool disk_job_cut(const struct disk_job *job, uint32_t max_sectors, struct pv_blk_req *req);
void disk_job_sent(struct disk_job *job, const struct pv_blk_req *req);
void disk_job_back(struct disk_job *job, enum pv_err status);
/* It ends with this error, unless it has one already, when all that was sent is back. */
void disk_job_fail(struct disk_job *job, enum pv_err status);
/* The data is the caller's again. */
bool disk_job_over(const struct disk_job *job);

#endif
