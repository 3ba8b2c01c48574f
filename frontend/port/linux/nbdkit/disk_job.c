/* SPDX-License-Identifier: MIT */
/*
 * disk_job.c - a transfer of any size, as requests that a ring takes (see disk_job.h)
 */
#include "disk_job.h"

void disk_job_init(struct disk_job *job, enum pv_blk_op op, uint64_t sector, uint64_t sectors,
		   void *data)
{
	*job = (struct disk_job){ .op = op, .more = true, .sector = sector, .sectors = sectors,
				  .data = data };
}

bool disk_job_cut(const struct disk_job *job, uint32_t max_sectors, struct pv_blk_req *req)
{
	if (!job->more)
		return false;
	*req = (struct pv_blk_req){ .op = job->op, .sector = job->sector, .data = job->data };
	req->sectors = job->sectors < max_sectors ? (uint32_t)job->sectors : max_sectors;
	return true;
}

void disk_job_sent(struct disk_job *job, const struct pv_blk_req *req)
{
	job->under_way++;
	job->sector += req->sectors;
	job->sectors -= req->sectors;
	if (job->data)
		job->data += (size_t)req->sectors * 512;
	job->more = job->sectors != 0;
}

void disk_job_back(struct disk_job *job, enum pv_err status)
{
	job->under_way--;
	if (status)
		disk_job_fail(job, status);
}

void disk_job_fail(struct disk_job *job, enum pv_err status)
{
	if (!job->status)
		job->status = status;
	job->more = false;
}

bool disk_job_over(const struct disk_job *job)
{
	return !job->more && !job->under_way;
}
