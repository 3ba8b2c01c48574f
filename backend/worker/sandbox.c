/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - what a worker's process is left with
 *
 * Called once, by a worker that has opened its handles and has not yet mapped a guest's page. The
 * order is the hard thing, because each step takes away what another one needs: namespaces and the
 * root while there are capabilities, then limits, then the identity and with it the capabilities,
 * then the filter, which permits none of these calls.
 *
 * Privileged (CAP_SYS_ADMIN, as in Dom0), whatever cannot be done is fatal: a worker that is less
 * confined than it should be must not serve. An ordinary user gets the same from a user namespace.
 * Where that is not permitted either, the worker says so and does without: such a user has no Xen,
 * and what they simulate can do nothing that they could not. The filter is never done without.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "worker/sandbox.h"

#define NAMESPACES	(CLONE_NEWIPC | CLONE_NEWNET)
#define MAX_FDS		1024	/* 256 disks: image, journal; as many again for handles */

/* One line: what, why, what to do. */
static int failed(const char *what, int err)
{
	log_error("the worker cannot be confined: %s: %s: start xpvd as root with all "
		  "capabilities, "
		  "or with --no-sandbox", what, strerror(err));
	return err ? -err : -EPERM;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	if (rc == 0 && write(fd, text, strlen(text)) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A user namespace in which we are who we were, with the capabilities to confine ourselves. */
static int enter_user_namespace(void)
{
	char uid[32], gid[32];
	int rc;

	snprintf(uid, sizeof(uid), "%u %u 1", geteuid(), geteuid());
	snprintf(gid, sizeof(gid), "%u %u 1", getegid(), getegid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | NAMESPACES))
		return -errno;
	rc = put("/proc/self/setgroups", "deny");
	if (rc == 0)
		rc = put("/proc/self/uid_map", uid);
	if (rc == 0)
		rc = put("/proc/self/gid_map", gid);
	return rc;
}

/* The root becomes an empty filesystem that nothing else has mounted and nobody can write to. It
 * hangs nowhere, so that it needs no directory to be mounted on, and no mount of the host's stays
 * in use because of us. What makes chroot() leave no way out is that no directory is open, and
 * that the capability to call it again goes next. */
static int empty_root(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mount = -1, rc = 0;

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_SET_STRING, "size", "4k", 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0555", 0) ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		rc = -errno;
	if (rc == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
				MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (rc == 0 && (mount < 0 || fchdir(mount) || chroot(".")))
		rc = -errno;
	if (mount >= 0)
		close(mount);
	close(fs);
	return rc;
}

/* RLIMIT_NPROC is left as it is: the kernel counts threads by it, also io_uring's own, and the
 * filter has no call that makes another process. Neither is RLIMIT_FSIZE of use, which holds for
 * images too. */
static int set_limits(void)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit fds;

	if (getrlimit(RLIMIT_NOFILE, &fds))
		return -errno;
	if (fds.rlim_max > MAX_FDS)
		fds.rlim_max = MAX_FDS;
	fds.rlim_cur = fds.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &fds) || setrlimit(RLIMIT_CORE, &none) ? -errno : 0;
}

/* No capability, also none to come by; and, for root, nobody's identity. */
static int drop_privileges(const struct sandbox *sb, bool root)
{
	bool bounding;
	int r;

	/* again, for a user namespace gives some; without this one the bounding set stays, which is
	 * moot, as there are no new privileges */
	if (capng_get_caps_process())
		return errno ? -errno : -EPERM;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_ALL);
	if (root)
		r = capng_change_id((int)sb->uid, (int)sb->gid,
				    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	else
		r = capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
	if (r)
		return errno ? -errno : -EPERM;
	/* A process that was root must not be read by others of its new identity. */
	if (root && prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

/* What needs privileges, or a namespace in which we have them. */
static int leave_the_host(const struct sandbox *sb, bool privileged, bool root)
{
	int rc = 0;

	if (privileged)
		rc = unshare(NAMESPACES) ? -errno : 0;
	else	/* within one, a root without privileges could not become anybody else */
		rc = root ? -EPERM : enter_user_namespace();
	/* A sanitizer reports with the help of /proc. */
	if (rc == 0 && !sb->instrumented)
		rc = empty_root();
	if (rc == 0 || privileged)
		return rc;
	log_warning("neither CAP_SYS_ADMIN nor a user namespace: %s: the worker keeps its root "
		    "directory and its network; the rest of its confinement holds", strerror(-rc));
	return 0;
}

int sandbox_drop(const struct sandbox *sb)
{
	const bool root = geteuid() == 0;
	bool privileged;
	int rc;

	tzset();		/* the log's time stamps: the zone cannot be read later */
	if (capng_get_caps_process())
		return failed("its capabilities", errno);
	privileged = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);

	/* A guest in Dom0 has all event channels anyway; the kernel takes no such restriction. */
	for (unsigned int i = 0; sb->domid && i < sb->nr_lanes; i++) {
		if (xenevtchn_restrict(sb->lane[i].xce, (domid_t)sb->domid))
			return failed("restricting its event channels", errno);
	}
	rc = leave_the_host(sb, privileged, root);
	if (rc)
		return failed("an empty root", -rc);
	rc = set_limits();
	if (rc)
		return failed("its limits", -rc);
	rc = drop_privileges(sb, root);
	return rc ? failed("dropping privileges", -rc) : 0;
}

int sandbox_enter(const struct sandbox *sb)
{
	int rc = sandbox_drop(sb);

	return rc ? rc : sandbox_filter(sb);
}
