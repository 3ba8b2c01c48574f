/* SPDX-License-Identifier: MIT */
/*
 * step.c - both states in, one step of the table out, done
 *
 * Our own state is read, never remembered: the toolstack writes it too (it asks for the end by
 * writing Closing), and every change of ours is a transaction that checks what it replaces. The
 * schema's table says what the pair of states asks for; here is what each action means.
 */
#include <errno.h>
#include <string.h>

#include "journal.h"
#include "supervisor.h"

int device_go(struct device *dev, enum xb_state next,
	      bool (*write)(struct device *dev, xs_transaction_t t))
{
	int rc = store_switch_state(dev, dev->mine, next, write);

	if (rc == -EAGAIN)
		return 0;
	if (rc)
		return device_reason(dev, "xenstore does not take its keys: %s: "
				     "see xenstored's quota and log", strerror(-rc));
	if (log_allowed(&dev->log_limit, device_name(dev)))
		log_info("%s: %s -> %s", device_name(dev), xb_state_name(dev->mine),
			 xb_state_name(next));
	dev->mine = next;
	return 0;
}

/* 0: the look goes on; 1: it ends until the worker has answered; negative: the device fails. */
typedef int action(struct device *dev, enum xb_state next);

/* Whether what the device stands for may be opened: 1; 0: not yet; -1: it failed. What is in the
 * way is the reason. */
static int ask_ready(struct device *dev)
{
	dev->reason[0] = '\0';
	return dev->class->ready(dev);
}

/* The reason, or that there is none any more, for a device that waits with it. */
static void show_reason(struct device *dev)
{
	if (dev->reason[0] && strcmp(dev->reason, dev->told) != 0 &&
	    log_allowed(&dev->log_limit, device_name(dev)))
		log_warning("%s: it waits: %s", device_name(dev), dev->reason);
	store_tell_reason(dev, dev->reason);
}

static int act_stay(struct device *dev, enum xb_state next)
{
	if (dev->mine != next)
		return device_go(dev, next, NULL);
	if (next == XB_INIT_WAIT && !dev->failed) {
		ask_ready(dev);
		show_reason(dev);
	}
	if (next == XB_CONNECTED && dev->link == LINK_ATTACHED)
		dev->class->change(dev);
	return 1;
}

static int detach_first(struct device *dev, enum xb_state next)
{
	dev->next_state = next;
	if (dev->link == LINK_NONE)
		return 0;
	worker_detach(dev);
	return dev->link == LINK_NONE ? 0 : 1;
}

/* Only a toolstack writes Initialising: the nodes are new, and nothing that is known of earlier
 * ones holds, though nobody may have seen those go. */
static int forget_earlier(struct device *dev, enum xb_state next)
{
	int rc = dev->preparing ? 0 : detach_first(dev, next);

	if (rc || dev->preparing)
		return rc;
	dev->class->release(dev);
	journal_file_close(dev, true);
	memory_remove(dev);
	dev->domain_gone = false;
	return 0;
}

/* A connection that was taken up in the journal is about what was opened then, and about nothing
 * else that has its name now. */
int device_open(struct device *dev)
{
	struct journal_head *journal;
	int rc = dev->class->prepare(dev);

	dev->preparing = rc > 0;
	if (rc)
		return rc;
	if (journal_file_open(dev))
		return -1;
	journal = dev->journal;
	if (!read_once(&journal->connected) || dev->disk.changed)
		memcpy(journal->identity, dev->identity, sizeof(dev->identity));
	if (memcmp(journal->identity, dev->identity, sizeof(dev->identity)) == 0)
		return 0;
	dev->class->release(dev);
	return device_reason(dev, "its name means something else than what the guest has "
			     "been using: put that back, or detach the device");
}

/* What a script has yet to set up is offered before it is opened. */
static int act_publish(struct device *dev, enum xb_state next)
{
	int rc = device_is_new(dev) ? forget_earlier(dev, next) : 0;

	if (rc)
		return rc;
	if (journal_file_open(dev))
		return -1;
	journal_file_void(dev);
	if (ask_ready(dev) > 0) {
		rc = device_open(dev);
		if (rc)
			return rc;
	}
	dev->failed = false;
	show_reason(dev);
	return device_go(dev, next, dev->class->publish);
}

/* An earlier supervisor may have got as far as the worker, and not to the state. */
static int act_connect(struct device *dev, enum xb_state next)
{
	int rc = dev->mine < XB_CONNECTED ? ask_ready(dev) : 1;

	if (rc == 0)
		show_reason(dev);
	if (rc <= 0)
		return rc ? rc : 1;
	rc = device_open(dev);
	if (rc)
		return rc;
	if (dev->link == LINK_ATTACHED && dev->class->is_current(dev))
		return device_go(dev, next, dev->class->announce);
	rc = detach_first(dev, next);
	if (rc)
		return rc;
	dev->next_state = next;
	worker_attach(dev);
	return 1;
}

static int act_disconnect(struct device *dev, enum xb_state next)
{
	int rc = detach_first(dev, next);

	if (rc)
		return rc;
	journal_file_void(dev);
	dev->class->release(dev);
	return device_go(dev, next, NULL);
}

static int act_reset(struct device *dev, enum xb_state next)
{
	int rc = detach_first(dev, next);

	return rc ? rc : act_publish(dev, next);
}

/* The nodes are the toolstack's to remove. */
static int act_remove(struct device *dev, enum xb_state next)
{
	(void)next;
	dev->class->release(dev);
	return 1;
}

static int act_violation(struct device *dev, enum xb_state next)
{
	(void)next;
	return device_reason(dev, "the frontend is in a state that does not exist or cannot "
			     "follow: restart its driver");
}

static action *const actions[] = {
	[XB_STAY] = act_stay,
	[XB_PUBLISH] = act_publish,
	[XB_CONNECT] = act_connect,
	[XB_DISCONNECT] = act_disconnect,
	[XB_RESET] = act_reset,
	[XB_REMOVE] = act_remove,
	[XB_VIOLATION] = act_violation,
};

_Static_assert(sizeof(actions) / sizeof(actions[0]) == XB_ACTION_COUNT, "one an action");

struct look {
	uint64_t mine, peer, online;
};

/* What the store says. 0; -ENOENT: the nodes are gone; -EINVAL: a violation, with its reason;
 * another -errno: the store fails. A frontend that writes what is no state has let go of a device
 * that is to close: nothing else can be waited for. */
static int read_states(struct device *dev, struct look *look)
{
	int rc;

	*look = (struct look){ 0 };
	rc = store_number(dev, XBT_NULL, dev->be_path, XS_B_STATE, 0, &look->mine);
	if (rc)
		return rc;
	dev->mine = (enum xb_state)look->mine;
	rc = store_number(dev, XBT_NULL, dev->be_path, XS_B_ONLINE, 0, &look->online);
	if (rc && rc != -ENOENT)
		return rc;
	if (dev->domain_gone)
		return 0;
	rc = store_number(dev, XBT_NULL, dev->fe_path, XS_F_STATE, 0, &look->peer);
	if (rc == -EINVAL && dev->mine >= XB_CLOSING) {
		if (!dev->failed)
			dev->reason[0] = '\0';	/* it is no reason for anything any more */
		return 0;
	}
	return rc == -ENOENT || rc == -EACCES ? 0 : rc;
}

/* A connection that is in the store but with no worker: another supervisor made it, or its worker
 * has died. It is taken up where it was, if its journal says where that is; the ring alone does
 * not. 1: take it up; 0: there is none; -1: it is lost. */
static int must_resume(struct device *dev, const struct look *look)
{
	if (dev->link != LINK_NONE || dev->failed || look->peer < XB_INITIALISED ||
	    look->peer > XB_CLOSING || (dev->mine != XB_CONNECTED && dev->mine != XB_CLOSING))
		return 0;
	if (journal_file_open(dev) || dev->journal->connected)
		return 1;
	return dev->mine == XB_CLOSING ? 0 :
	       device_reason(dev, "what was under way on it is not known any more: "
			     "detach it and attach it again");
}

int device_step(struct device *dev)
{
	struct look look;
	struct xb_step next = { XB_CLOSING, XB_VIOLATION };
	int rc = read_states(dev, &look), resume = 0;

	if (rc == -ENOENT) {
		device_remove(dev);
		return 1;
	}
	if (rc && rc != -EINVAL) {
		if (log_allowed(&dev->log_limit, device_name(dev)))
			log_error("%s: xenstore: %s", device_name(dev), strerror(-rc));
		return 1;
	}
	if (rc == 0) {
		resume = must_resume(dev, &look);
		next = xb_backend_step(device_is_new(dev) ? XB_INITIALISING : dev->mine,
				       (unsigned int)look.peer, look.online);
	}
	if (resume > 0)
		next = (struct xb_step){ dev->mine, XB_CONNECT };
	if (dev->failed && (next.action == XB_CONNECT || next.action == XB_VIOLATION))
		return 1;
	rc = resume < 0 ? -1 : actions[next.action](dev, next.next);
	if (rc >= 0)
		return rc;
	if (resume > 0)
		device_hold(dev);
	else
		device_fail(dev);
	return 1;
}
