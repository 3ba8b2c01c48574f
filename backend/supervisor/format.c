/* SPDX-License-Identifier: MIT */
/*
 * format.c - images that are not raw, each served by a qemu-storage-daemon of its own
 *
 * QEMU knows these formats; its daemon makes a network block device of one, on a Unix socket in the
 * run directory, and from there on the disk is one that a server has (remote.c). The format is what
 * the disk's specification says: nothing is told from what is in a file, or a guest with a raw
 * image could choose what its first bytes are taken for.
 *
 * A guest does not notice that a daemon is killed, so what was answered must not be lost with it:
 * the daemon keeps tables of the image in its memory, and is told to write them through before it
 * answers a write. That costs a flush a write. A discard is answered before they are: one that is
 * lost with the daemon leaves what was there, which is as good as anything.
 *
 * The daemon outlives us as a worker does. Its number is in a file, and that it is still ours is
 * seen from its arguments, which hold its socket's path. So all of this is known by a disk's name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "header.h"
#include "supervisor.h"

#define PROGRAM		"qemu-storage-daemon"
#define MAX_CONNECTIONS	8
#define PATH_BYTES	(RUN_PATH_MAX * 2)

static const char *const drivers[XS_TARGET_KINDS] = {
	[XS_TARGET_QCOW2] = "qcow2", [XS_TARGET_VHD] = "vpc", [XS_TARGET_VMDK] = "vmdk",
};

bool format_discards(enum xs_target_kind kind)
{
	return kind == XS_TARGET_QCOW2;
}

static void path_of(const struct supervisor *sup, const char *name, const char *suffix,
		    char buf[PATH_BYTES])
{
	snprintf(buf, PATH_BYTES, "%s/format/%.31s%s", sup->rundir, name, suffix);
}

static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* The process of that name, as a pidfd; -1: there is none. Its number may be another's by now. */
static int find_process(const struct supervisor *sup, const char *name, pid_t *pid)
{
	char path[PATH_BYTES], socket[PATH_BYTES], text[2048];
	uint64_t number;
	ssize_t n;
	int fd;

	path_of(sup, name, ".pid", path);
	if (read_file(path, text, sizeof(text)) <= 0 ||
	    xs_parse_u64(text, strcspn(text, "\n"), &number) != XS_OK || !number ||
	    number > INT32_MAX)
		return -1;
	*pid = (pid_t)number;
	fd = pidfd_open(*pid, 0);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)*pid);
	path_of(sup, name, ".sock", socket);
	n = read_file(path, text, sizeof(text));
	if (n > 0 && memmem(text, (size_t)n, socket, strlen(socket)))
		return fd;
	close(fd);
	return -1;
}

static void remove_files(const struct supervisor *sup, const char *name)
{
	static const char *const suffixes[] = { ".pid", ".sock", ".log" };
	char path[PATH_BYTES];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		path_of(sup, name, suffixes[i], path);
		unlink(path);
	}
}

/* One that has to end; that may take a moment, if it is writing. */
struct ending {
	struct supervisor *sup;
	struct loop_fd process;
	struct loop_deferred grave;
	pid_t pid;
};

static void free_ending(struct loop_deferred *grave)
{
	free(container_of(grave, struct ending, grave));
}

static void ended(struct loop_fd *source)
{
	struct ending *e = container_of(source, struct ending, process);

	waitpid(e->pid, NULL, WNOHANG);
	close(loop_del(&e->sup->loop, source));
	e->grave.release = free_ending;
	loop_defer(&e->sup->loop, &e->grave);
}

/* Killed: all that it has answered is written, and asked to end it would remove the socket of its
 * successor, which has the same name. fd is ours. */
static void end_process(struct supervisor *sup, int fd, pid_t pid)
{
	struct ending *e = calloc(1, sizeof(*e));

	pidfd_send_signal(fd, SIGKILL, NULL, 0);
	if (e)
		*e = (struct ending){ .sup = sup, .process = { fd, ended }, .pid = pid };
	if (e && loop_add(&sup->loop, &e->process) == 0)
		return;
	close(fd);
	free(e);
}

static void set(struct json_object *obj, const char *key, const char *value)
{
	json_object_object_add(obj, key, json_object_new_string(value));
}

/* The three arguments, as QEMU's own JSON: a path may hold commas. To be put. */
static struct json_object *describe_image(struct device *dev, const struct xs_target *target,
					  bool block)
{
	struct json_object *obj = json_object_new_object(), *file = json_object_new_object();
	const char *discard = format_discards(target->kind) && image_may_discard(dev) ? "unmap" :
			      "ignore";

	set(file, "driver", block ? "host_device" : "file");
	set(file, "filename", target->path);
	set(file, "discard", discard);
	set(obj, "driver", drivers[target->kind]);
	set(obj, "node-name", "disk");
	set(obj, "discard", discard);
	json_object_object_add(obj, "read-only", json_object_new_boolean(dev->disk.readonly));
	json_object_object_add(obj, "file", file);
	if (!dev->format.backing && target->kind != XS_TARGET_VHD)
		json_object_object_add(obj, "backing", NULL);
	return obj;
}

static struct json_object *describe_server(const char *socket)
{
	struct json_object *obj = json_object_new_object(), *addr = json_object_new_object();

	set(addr, "type", "unix");
	set(addr, "path", socket);
	json_object_object_add(obj, "addr", addr);
	json_object_object_add(obj, "max-connections", json_object_new_int(MAX_CONNECTIONS));
	return obj;
}

static struct json_object *describe_export(const struct device *dev)
{
	struct json_object *obj = json_object_new_object();

	set(obj, "type", "nbd");
	set(obj, "id", "export");
	set(obj, "node-name", "disk");
	set(obj, "name", "");
	json_object_object_add(obj, "writable", json_object_new_boolean(!dev->disk.readonly));
	json_object_object_add(obj, "writethrough", json_object_new_boolean(true));
	return obj;
}

/* With slashes as they are: the arguments of a process tell whose it is. */
static char *text_of(struct json_object *obj)
{
	return (char *)(uintptr_t)json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void note_own_number(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		_exit(126);
	close(fd);
}

/* In the child. It speaks to nobody but on its socket, unless a backing file may be anywhere. */
static void run_daemon(const struct device *dev, const char *name, char *const argv[])
{
	char path[PATH_BYTES];
	sigset_t none;
	int fd;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	path_of(dev->sup, name, ".pid", path);
	note_own_number(path);
	path_of(dev->sup, name, ".log", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	if (!dev->format.backing)
		unshare(CLONE_NEWNET | CLONE_NEWIPC);	/* where that is permitted */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	execvp(PROGRAM, argv);
	dprintf(STDERR_FILENO, PROGRAM ": %s: install Debian's qemu-system-common\n",
		strerror(errno));
	_exit(127);
}

/* The last line that it wrote, without the arguments that it repeats. */
static void hear_last_words(struct device *dev)
{
	char path[PATH_BYTES], name[RUN_FILE_NAME], text[4096] = "", *line, *after;

	run_file_name(dev, name, sizeof(name));
	path_of(dev->sup, name, ".log", path);
	read_file(path, text, sizeof(text));
	for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
		text[n - 1] = '\0';
	line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	for (after = strstr(line, "}: "); after; after = strstr(line, "}: "))
		line = after + 3;
	if (strncmp(line, PROGRAM ": ", sizeof(PROGRAM ": ") - 1) == 0)
		line += sizeof(PROGRAM ": ") - 1;
	log_safe(dev->format.last_words, sizeof(dev->format.last_words),
		 *line ? line : PROGRAM " has ended");
}

static void forget_process(struct device *dev)
{
	if (dev->format.process.fd >= 0)
		close(loop_del(&dev->sup->loop, &dev->format.process));
}

static void process_ended(struct loop_fd *source)
{
	struct format *f = container_of(source, struct format, process);
	struct device *dev = container_of(f, struct device, format);

	waitpid(f->pid, NULL, WNOHANG);
	forget_process(dev);
	hear_last_words(dev);
	if (log_allowed(&dev->log_limit, device_name(dev)))
		log_warning("%s: the " PROGRAM " of %s (process %d) has ended: %s",
			    device_name(dev), dev->disk.target, (int)f->pid, f->last_words);
	remote_server_ended(dev);
}

static int watch(struct device *dev, int fd, pid_t pid)
{
	int rc;

	dev->format.pid = pid;
	dev->format.process = (struct loop_fd){ fd, process_ended };
	rc = loop_add(&dev->sup->loop, &dev->format.process);
	if (rc) {
		close(fd);
		dev->format.process.fd = -1;
		return device_reason(dev, "%s: %s", dev->disk.target, strerror(-rc));
	}
	dev->format.last_words[0] = '\0';
	return 0;
}

static int start(struct device *dev, const struct xs_target *target, bool block)
{
	struct json_object *image = describe_image(dev, target, block), *server, *export;
	char socket[PATH_BYTES], name[RUN_FILE_NAME];
	pid_t pid;
	int fd;

	run_file_name(dev, name, sizeof(name));
	path_of(dev->sup, name, ".sock", socket);
	unlink(socket);
	server = describe_server(socket);
	export = describe_export(dev);
	char *const argv[] = { PROGRAM, "--blockdev", text_of(image), "--nbd-server",
			       text_of(server), "--export", text_of(export), NULL };

	pid = fork();
	if (pid == 0)
		run_daemon(dev, name, argv);
	json_object_put(image);
	json_object_put(server);
	json_object_put(export);
	fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (fd < 0)
		return device_reason(dev, "%s: no process can be started: %s", dev->disk.target,
				     strerror(errno));
	log_info("%s: %s is served by " PROGRAM ", process %d", device_name(dev), dev->disk.target,
		 (int)pid);
	return watch(dev, fd, pid);
}

/* Refuses what is no such image, or would have other files opened. */
static int inspect(struct device *dev, const struct xs_target *target, int fd)
{
	uint8_t head[HEADER_BYTES];
	char text[HEADER_TEXT];
	ssize_t n = pread(fd, head, sizeof(head), 0), t = 0;
	size_t len;
	uint64_t at = header_vmdk_text(head, n > 0 ? (size_t)n : 0, &len);
	bool elsewhere;
	const char *why;

	if (target->kind == XS_TARGET_VMDK && at && len)
		t = pread(fd, text, len, (off_t)at);
	why = header_refuse(target->kind, head, n > 0 ? (size_t)n : 0, text, t > 0 ? (size_t)t : 0,
			    &elsewhere);
	if (!why || (elsewhere && dev->format.backing))
		return 0;
	if (elsewhere)
		return device_reason(dev, "%s: %s: if it is to be trusted with that, attach it "
				     "with 'backing'; or make it whole with 'qemu-img convert'",
				     dev->disk.target, why);
	return device_reason(dev, "%s: %s", dev->disk.target, why);
}

/* Looks at the file: what it is, and which one. */
static int look_at(struct device *dev, const struct xs_target *target, bool *block)
{
	int fd = open(target->path, O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
		      (dev->disk.readonly ? O_RDONLY : O_RDWR));
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st)) {
		rc = device_reason(dev, "%s: %s: check the path and its permissions",
				   dev->disk.target, strerror(errno));
	} else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		rc = device_reason(dev, "%s is neither a file nor a block device: name an image",
				   dev->disk.target);
	} else {
		*block = S_ISBLK(st.st_mode);
		dev->remote.salt = *block ? st.st_rdev : st.st_dev * UINT64_C(0x9e3779b97f4a7c15) +
				   st.st_ino;
		rc = inspect(dev, target, fd);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

bool format_runs(const struct device *dev)
{
	return dev->format.process.fd >= 0;
}

int format_open(struct device *dev, const struct xs_target *target)
{
	char path[PATH_BYTES], name[RUN_FILE_NAME];
	bool block = false;
	uint64_t backing = 0;
	pid_t pid;
	int fd, rc;

	store_number(dev, XBT_NULL, dev->be_path, XS_B_BACKING, 0, &backing);
	dev->format.backing = backing;
	dev->remote.server = (struct xs_target){ .kind = XS_TARGET_NBD };
	run_file_name(dev, name, sizeof(name));
	path_of(dev->sup, name, "", path);
	*strrchr(path, '/') = '\0';
	if (mkdir(path, 0700) && errno != EEXIST)
		return device_reason(dev, "%s: %s", path, strerror(errno));
	path_of(dev->sup, name, ".sock", path);
	snprintf(dev->remote.server.socket, sizeof(dev->remote.server.socket), "%.*s",
		 XS_TARGET_SOCKET - 1, path);
	rc = look_at(dev, target, &block);
	if (rc || format_runs(dev))
		return rc;
	if (!remote_is_same(dev))
		return device_reason(dev, "its name means something else than what the guest has "
				     "been using: put that back, or detach the device");
	fd = find_process(dev->sup, name, &pid);
	return fd >= 0 ? watch(dev, fd, pid) : start(dev, target, block);
}

int format_restart(struct device *dev)
{
	struct xs_target target;

	dev->reason[0] = '\0';
	return xs_target_parse(dev->disk.target, &target) ? -1 : format_open(dev, &target);
}

void format_close(struct device *dev)
{
	char name[RUN_FILE_NAME];
	pid_t pid = 0;
	int fd;

	forget_process(dev);
	if (dev->sup->leaving)
		return;
	run_file_name(dev, name, sizeof(name));
	fd = find_process(dev->sup, name, &pid);
	if (fd >= 0)
		end_process(dev->sup, fd, pid);
	remove_files(dev->sup, name);
}

void format_init(struct device *dev)
{
	dev->format.process.fd = -1;
}

void format_sweep(struct supervisor *sup)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	pid_t pid = 0;
	DIR *dir;

	path_of(sup, "", "", path);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char *dot = strrchr(entry->d_name, '.');
		int fd;

		if (!dot || strcmp(dot, ".pid") != 0)
			continue;
		*dot = '\0';
		if (run_file_belongs(sup, entry->d_name))
			continue;
		fd = find_process(sup, entry->d_name, &pid);
		if (fd >= 0)
			end_process(sup, fd, pid);
		remove_files(sup, entry->d_name);
	}
	closedir(dir);
}
