/* SPDX-License-Identifier: MIT */
/*
 * control.h - asking the supervisor, xpvd
 */
#ifndef XPV_CONTROL_H
#define XPV_CONTROL_H

#include "tool.h"

/* {"cmd": cmd}, to which arguments may be added. */
struct json_object *control_question(const char *cmd);
/* Sends the question, which it drops, and returns the answer, whose "ok" is true, to be dropped
 * by the caller; NULL with an error printed. */
struct json_object *control_ask(struct json_object *question);
/* Whether xpvd answers; an error has been printed if not. */
bool control_ping(void);

#endif
