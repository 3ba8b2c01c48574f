/* SPDX-License-Identifier: MIT */
/*
 * xpv sim status: the simulator's processes, and what each domain has in use: ports, grants of its
 * pages, mappings of them by others, connections of its programs. A test that looks for leaks
 * compares two of these.
 */
#include "tool.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "lib/client.h"
#include "sim.h"
#include "verbs.h"

#define MAX_SERVICES	8

struct service_pid {
	char name[32];
	int pid;
};

static const struct {
	uint32_t flag;
	const char *name;
} states[] = {
	{ XEN_DOMINF_dying, "dying" },
	{ XEN_DOMINF_shutdown, "shutdown" },
	{ XEN_DOMINF_paused, "paused" },
};

static const char *state_name(uint32_t flags)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (flags & states[i].flag)
			return states[i].name;
	return "running";
}

static size_t read_services(struct service_pid *services)
{
	char path[4096];
	FILE *file = sim_path(path, sizeof(path), INIT_PIDS_FILE) ? fopen(path, "re") : NULL;
	char pid[16];
	size_t n = 0;

	while (file && n < MAX_SERVICES && fscanf(file, "%31s %15s", services[n].name, pid) == 2)
		services[n++].pid = (int)strtol(pid, NULL, 10);
	if (file)
		fclose(file);
	return n;
}

static struct json_object *json_services(const struct service_pid *services, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *obj = json_object_new_object();

		json_object_object_add(obj, "name", tool_json_text(services[i].name));
		json_object_object_add(obj, "pid", json_object_new_int(services[i].pid));
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *json_domain(const struct sim_domain_info *dom)
{
	const struct {
		const char *name;
		uint32_t value;
	} counts[] = {
		{ "domid", dom->domid }, { "ports", dom->ports }, { "grants", dom->grants },
		{ "maps", dom->maps }, { "clients", dom->clients }, { "handles", dom->handles },
	};
	struct json_object *obj = json_object_new_object();

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_object_add(obj, counts[i].name,
				       json_object_new_int64(counts[i].value));
	json_object_object_add(obj, "state", json_object_new_string(state_name(dom->flags)));
	return obj;
}

/* Calls `each` for all domains. Our own connection is a client of domain 0: it is not counted. */
static int for_domains(struct sim_client *client,
		       void (*each)(struct sim_domain_info *dom, void *arg), void *arg)
{
	struct sim_msg msg;
	uint32_t first = 0;
	int rc;

	for (;;) {
		msg.op = SIM_DOM_LIST;
		msg.u.list.first = first;
		msg.u.list.count = ~0u;
		rc = sim_call(client, &msg, offsetof(struct sim_domain_list, entry), NULL);
		if (rc < 0 || !msg.u.list.count)
			return rc;
		for (uint32_t i = 0; i < msg.u.list.count; i++) {
			struct sim_domain_info *dom = &msg.u.list.entry[i];

			if (!dom->domid)
				dom->clients--;
			first = dom->domid + 1;
			each(dom, arg);
		}
	}
}

static void add_json(struct sim_domain_info *dom, void *arg)
{
	json_object_array_add(arg, json_domain(dom));
}

static void print_row(struct sim_domain_info *dom, void *arg)
{
	(void)arg;
	printf("%5u  %-8s  %6u  %6u  %6u  %7u\n", dom->domid, state_name(dom->flags), dom->ports,
	       dom->grants, dom->maps, dom->clients);
}

static int print_json(struct sim_client *client, pid_t pid, const struct service_pid *services,
		      size_t n)
{
	struct json_object *obj = json_object_new_object(), *domains = json_object_new_array();
	int rc = client ? for_domains(client, add_json, domains) : 0;

	json_object_object_add(obj, "running", json_object_new_boolean(client != NULL));
	json_object_object_add(obj, "rundir", tool_json_text(sim_rundir()));
	if (pid > 0)
		json_object_object_add(obj, "pid", json_object_new_int(pid));
	json_object_object_add(obj, "services", json_services(services, n));
	json_object_object_add(obj, "domains", domains);
	return tool_json(obj) || rc ? TOOL_FAILED : TOOL_OK;
}

static int print_text(struct sim_client *client, pid_t pid, const struct service_pid *services,
		      size_t n)
{
	printf("the simulator runs in %s, process %d\n", sim_rundir(), (int)pid);
	for (size_t i = 0; i < n; i++)
		printf("  %-12s %d\n", services[i].name, services[i].pid);
	printf("domid  state      ports  grants    maps  clients\n");
	return for_domains(client, print_row, NULL) ? TOOL_FAILED : tool_flush();
}

int sim_status(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = { { "json", 0, OPT_FLAG, &json }, { 0 } };
	struct service_pid services[MAX_SERVICES];
	struct sim_client client;
	pid_t pid = init_pid();
	int first, rc;
	size_t n;

	if (!tool_options(argc, argv, sim_usage(), opts, &first))
		return first;
	if (first < argc)
		return tool_usage("sim", "%s: status takes no operand", argv[first]);
	if (pid <= 0 || sim_client_open(&client, SIM_KIND_CALL, 0, NULL)) {
		if (json)
			print_json(NULL, 0, services, 0);
		else
			printf("no simulator runs in %s\n", sim_rundir());
		tool_flush();
		return TOOL_FAILED;
	}
	n = read_services(services);
	rc = json ? print_json(&client, pid, services, n) : print_text(&client, pid, services, n);
	sim_client_close(&client);
	return rc;
}
