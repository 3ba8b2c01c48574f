# SPDX-License-Identifier: MIT
#
# xpv: one non-recursive Makefile; `make help` lists the targets.
#
# Everything is built in $(BUILD). Each folder is compiled with only the include paths that it may
# use, so the architecture (README.md, "Folder map") is what compiles. The simulator's libraries
# are loaded into Debian's own binaries and are therefore never built with a sanitizer.

BUILD ?= build
PREFIX ?= /usr/local
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s%s\n' '$(1)' '$(2)')

CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
OPT ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# It knows no fences; what ring/ has them for is atomic besides.
SANFLAGS += $(if $(filter thread,$(SAN)),-Wno-tsan)
BASE_CFLAGS := -std=c11 $(WARN) -Werror $(OPT) -fno-strict-aliasing -D_GNU_SOURCE
ALL_CFLAGS = $(BASE_CFLAGS) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(SANFLAGS) -Wl,--as-needed $(LDFLAGS)

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:

# --- who may include whom -------------------------------------------------------------------

# What stands below pic/ is the same for a shared library: its objects are position independent.
$(BUILD)/ring/%.o $(BUILD)/pic/ring/%.o: INC := -Iring
$(BUILD)/xenstore-schema/%.o $(BUILD)/pic/xenstore-schema/%.o: INC := -Ixenstore-schema
$(BUILD)/frontend/%.o $(BUILD)/pic/frontend/%.o: INC := -Ifrontend -Iring -Ixenstore-schema
$(BUILD)/frontend/port/linux/%.o $(BUILD)/pic/frontend/port/linux/%.o: \
				INC := -Ifrontend -Iring -Ixenstore-schema -Ifrontend/port/linux \
				       -Ifrontend/example
$(BUILD)/frontend/example/%.o:	INC := -Ifrontend -Ixenstore-schema
$(BUILD)/backend/%.o:		INC := -Ibackend -Iring -Ixenstore-schema
$(BUILD)/tools/%.o:		INC := -Itools -Ixenstore-schema
$(BUILD)/tools/sim/%.o:		INC := -Itools/sim -Itools -Ixenstore-schema
$(BUILD)/tests/%.o:		INC := -Iring -Ixenstore-schema -Ifrontend -Ifrontend/port/linux \
				       -Ifrontend/example \
				       -Ibackend -Itools -Itools/sim -Itests/lib

# The floor below everything is freestanding: it may not even see the C library's headers.
$(BUILD)/ring/%.o $(BUILD)/xenstore-schema/%.o: INC += -ffreestanding
$(BUILD)/pic/ring/%.o $(BUILD)/pic/xenstore-schema/%.o: INC += -ffreestanding
$(BUILD)/frontend/%.o $(BUILD)/pic/frontend/%.o: INC += -ffreestanding
$(BUILD)/frontend/port/linux/%.o $(BUILD)/pic/frontend/port/linux/%.o: INC += -fhosted

# xenctrl.h is written in GNU C.
$(BUILD)/tools/%.o $(BUILD)/tools/sim/%.o $(BUILD)/tests/%.o: INC += -std=gnu11

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(INC) -MMD -MP -c $< -o $@

$(BUILD)/pic/%.o: %.c
	$(call say,CC,$< for a shared library)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(INC) -fPIC -fvisibility=hidden -MMD -MP -c $< -o $@

# --- ring, xenstore-schema --------------------------------------------------------------------

RING_SRC := ring/blk_abi.c

SCHEMA_SRC := xenstore-schema/hotplug.c \
	      xenstore-schema/params.c \
	      xenstore-schema/parse.c \
	      xenstore-schema/path.c \
	      xenstore-schema/schema.c \
	      xenstore-schema/state.c \
	      xenstore-schema/vdev.c

# --- frontend ---------------------------------------------------------------------------------

FRONTEND_SRC := frontend/blk.c \
		frontend/blk_api.c \
		frontend/blk_device.c \
		frontend/blk_options.c \
		frontend/blk_parts.c \
		frontend/blk_pool.c \
		frontend/blk_requeue.c \
		frontend/blk_ring.c \
		frontend/console.c \
		frontend/console_device.c \
		frontend/device.c \
		frontend/device_store.c \
		frontend/pv.c

LINUX_PORT_SRC := frontend/port/linux/guest.c \
		  frontend/port/linux/guest_blk.c \
		  frontend/port/linux/os.c

MINIDOM_SRC := frontend/example/md_cmd.c \
	       frontend/example/md_console.c \
	       frontend/example/md_disk.c \
	       frontend/example/md_open.c \
	       frontend/example/md_stream.c \
	       frontend/example/md_text.c \
	       frontend/example/minidom.c \
	       frontend/example/sha256.c \
	       frontend/port/linux/minidom_main.c \
	       frontend/port/linux/primary.c

NBDKIT_SRC := frontend/port/linux/nbdkit/disk_job.c \
	      frontend/port/linux/nbdkit/disk_thread.c \
	      frontend/port/linux/nbdkit/guest_disk.c \
	      frontend/port/linux/nbdkit/nbd_rules.c \
	      frontend/port/linux/nbdkit/plugin.c

# --- backend ----------------------------------------------------------------------------------

XPVD_SRC := backend/loop.c \
	    backend/log.c \
	    backend/wire.c \
	    backend/histogram.c \
	    backend/supervisor/adopt.c \
	    backend/supervisor/claim.c \
	    backend/supervisor/console_files.c \
	    backend/supervisor/console_log.c \
	    backend/supervisor/control.c \
	    backend/supervisor/device.c \
	    backend/supervisor/dial.c \
	    backend/supervisor/discard.c \
	    backend/supervisor/discover.c \
	    backend/supervisor/format.c \
	    backend/supervisor/header.c \
	    backend/supervisor/host.c \
	    backend/supervisor/hotplug.c \
	    backend/supervisor/image.c \
	    backend/supervisor/journal_file.c \
	    backend/supervisor/limit.c \
	    backend/supervisor/main.c \
	    backend/supervisor/medium.c \
	    backend/supervisor/memory.c \
	    backend/supervisor/primary.c \
	    backend/supervisor/process.c \
	    backend/supervisor/remote.c \
	    backend/supervisor/resize.c \
	    backend/supervisor/ring_stats.c \
	    backend/supervisor/rings.c \
	    backend/supervisor/run_file.c \
	    backend/supervisor/sector.c \
	    backend/supervisor/step.c \
	    backend/supervisor/store.c \
	    backend/supervisor/vconsole.c \
	    backend/supervisor/vdisk.c \
	    backend/supervisor/worker.c

VDISK_CORE_SRC := backend/histogram.c \
		  backend/vdisk/connect.c \
		  backend/vdisk/disk.c \
		  backend/vdisk/intake.c \
		  backend/vdisk/lane.c \
		  backend/vdisk/limit.c \
		  backend/vdisk/queue.c \
		  backend/vdisk/request.c \
		  backend/vdisk/serve.c \
		  backend/vdisk/stopwatch.c \
		  backend/vdisk/target.c \
		  backend/vdisk/target_file.c \
		  backend/vdisk/target_memory.c \
		  backend/vdisk/target_null.c \
		  backend/vdisk/throttle.c \
		  backend/vdisk/uring.c \
		  backend/vdisk/validate.c \
		  backend/worker/filter.c \
		  backend/worker/journal.c \
		  backend/worker/map.c \
		  backend/worker/sandbox.c

VDISK_SRC := backend/loop.c \
	     backend/log.c \
	     backend/wire.c \
	     backend/vdisk/link.c \
	     backend/vdisk/main.c \
	     backend/vdisk/outbox.c \
	     $(VDISK_CORE_SRC)

VCONSOLE_CORE_SRC := backend/vconsole/client.c \
		     backend/vconsole/console.c \
		     backend/vconsole/pty.c \
		     backend/vconsole/record.c \
		     backend/vconsole/scroll.c \
		     backend/vconsole/typed.c

VCONSOLE_SRC := backend/loop.c \
		backend/log.c \
		backend/wire.c \
		backend/vconsole/link.c \
		backend/vconsole/main.c \
		backend/worker/filter.c \
		backend/worker/journal.c \
		backend/worker/sandbox.c \
		$(VCONSOLE_CORE_SRC)

# Two programs: guests without disks on servers are spared libnbd, and its system calls.
NBD_NONE_SRC := backend/vdisk/nbd_none.c
NBD_SRC := backend/vdisk/nbd_client.c \
	   backend/vdisk/nbd_probe.c \
	   backend/vdisk/target_nbd.c

# --- tools ------------------------------------------------------------------------------------

XPV_SRC := $(sort $(wildcard tools/*.c))

# --- tools/sim --------------------------------------------------------------------------------

SIM_HYPERVISOR_SRC := $(sort $(wildcard tools/sim/hypervisor/*.c))

# What a program needs to talk to the simulated hypervisor without Xen's libraries.
SIM_CLIENT_SRC := tools/sim/lib/client.c \
		  tools/sim/lib/domains.c

SIM_VM_SRC := $(sort $(wildcard tools/sim/vm/*.c)) tools/sim/lib/evtchn.c $(SIM_CLIENT_SRC)

SIM_TOOLS_SRC := $(sort $(wildcard tools/sim/*.c)) tools/sim/vm/processes.c $(SIM_CLIENT_SRC)

# The replacement libraries: their own objects, position independent and never with a sanitizer.
SIM_LIB_evtchn := evtchn.c client.c domains.c
SIM_LIB_gnttab := gntdev.c gnttab.c gntcopy.c gntshr.c client.c domains.c
SIM_LIB_call := call.c call_domctl.c call_sysctl.c call_guest.c client.c domains.c
SIM_LIB_foreignmemory := foreignmemory.c client.c domains.c
SIM_LIB_devicemodel := devicemodel.c
SIM_LIB_NAMES := call devicemodel evtchn foreignmemory gnttab
SIM_LIBS := $(SIM_LIB_NAMES:%=$(BUILD)/sim/libxen%.so.1) $(BUILD)/sim/xsd_preload.so

$(BUILD)/sim/obj/%.o: tools/sim/lib/%.c
	$(call say,CC,$< for the simulator)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) -std=gnu11 -fPIC -Itools/sim -Itools $(CFLAGS) -MMD -MP -c $< -o $@

define sim_lib
$$(BUILD)/sim/libxen$(1).so.1: $$(SIM_LIB_$(1):%.c=$$(BUILD)/sim/obj/%.o) tools/sim/lib/$(1).map
endef
$(foreach name,$(SIM_LIB_NAMES),$(eval $(call sim_lib,$(name))))

$(BUILD)/sim/libxen%.so.1:
	$(call say,LD,$@)
	$(Q)$(CC) -shared -o $@ $(filter %.o,$^) -Wl,-soname,$(@F) -Wl,--no-undefined \
		-Wl,--version-script=tools/sim/lib/$*.map -Wl,--as-needed -lxentoolcore

$(BUILD)/sim/xsd_preload.so: $(BUILD)/sim/obj/xsd_preload.o
	$(call say,LD,$@)
	$(Q)$(CC) -shared -o $@ $<

# --- programs ---------------------------------------------------------------------------------

objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
pic_objs = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))

XEN_LIBS := -lxenstore -lxenevtchn -lxengnttab
PROGRAMS := minidom xpv xpvd xpv-vconsole xpv-vdisk xpv-vdisk-nbd xpv-hypervisor xpv-sim-vm

$(BUILD)/minidom: $(call objs,$(MINIDOM_SRC) $(LINUX_PORT_SRC) $(FRONTEND_SRC) $(RING_SRC) $(SCHEMA_SRC))
$(BUILD)/minidom: LIBS := $(XEN_LIBS)
$(BUILD)/xpvd: $(call objs,$(XPVD_SRC) $(RING_SRC) $(SCHEMA_SRC))
$(BUILD)/xpvd: LIBS := $(XEN_LIBS) -ljson-c
$(BUILD)/xpv-vconsole: $(call objs,$(VCONSOLE_SRC))
$(BUILD)/xpv-vconsole: LIBS := -lxenevtchn -lxengnttab -lseccomp -lcap-ng
$(BUILD)/xpv-vdisk: $(call objs,$(VDISK_SRC) $(NBD_NONE_SRC) $(RING_SRC))
$(BUILD)/xpv-vdisk: LIBS := -lxenevtchn -lxengnttab -luring -lseccomp -lcap-ng
$(BUILD)/xpv-vdisk-nbd: $(call objs,$(VDISK_SRC) $(NBD_SRC) $(RING_SRC))
$(BUILD)/xpv-vdisk-nbd: LIBS := -lxenevtchn -lxengnttab -luring -lseccomp -lcap-ng -lnbd
$(BUILD)/xpv: $(call objs,$(XPV_SRC) $(SIM_TOOLS_SRC) $(SCHEMA_SRC))
$(BUILD)/xpv: LIBS := -lxenstore -lxenctrl -lxenforeignmemory -lxlutil -lxenlight -lxentoollog -ljson-c
$(BUILD)/xpv-hypervisor: $(call objs,$(SIM_HYPERVISOR_SRC))
$(BUILD)/xpv-sim-vm: $(call objs,$(SIM_VM_SRC))
$(BUILD)/xpv-sim-vm: LIBS := -lxentoolcore

$(addprefix $(BUILD)/,$(PROGRAMS)):
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS)

# nbdkit itself has what it calls of nbdkit.
NBDKIT_PLUGIN := $(BUILD)/nbdkit-xpv-plugin.so

$(NBDKIT_PLUGIN): $(call pic_objs,$(NBDKIT_SRC) $(LINUX_PORT_SRC) $(FRONTEND_SRC) $(RING_SRC) \
				  $(SCHEMA_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(XEN_LIBS)

all: $(addprefix $(BUILD)/,$(PROGRAMS)) $(NBDKIT_PLUGIN) $(SIM_LIBS)	## build everything

# --- tests ------------------------------------------------------------------------------------

# What a unit test may want; the linker takes from the archive what it needs.
TESTED_SRC := $(RING_SRC) $(SCHEMA_SRC) $(FRONTEND_SRC) $(LINUX_PORT_SRC) $(VDISK_CORE_SRC) \
	      $(VCONSOLE_CORE_SRC) $(NBD_NONE_SRC) \
	      backend/loop.c backend/log.c backend/wire.c \
	      $(filter-out %/guest_disk.c %/plugin.c,$(NBDKIT_SRC)) \
	      $(filter frontend/example/%,$(MINIDOM_SRC)) \
	      backend/supervisor/header.c backend/vdisk/outbox.c \
	      $(filter-out tools/main.c,$(XPV_SRC)) $(SIM_TOOLS_SRC)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c tests/hostile/test_*.c)))
GUESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/lib/guest_*.c tests/hostile/guest_*.c)))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
ALL_LIBS := $(XEN_LIBS) -lxenctrl -lxenforeignmemory -lxlutil -lxenlight -lxentoollog -luring -lseccomp \
	    -lcap-ng -ljson-c -lnbd -lcmocka

$(BUILD)/tests/tested.a: $(call objs,$(TESTED_SRC))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcsP $@ $^	# P: two folders may have a device.o

$(UNIT_TESTS) $(GUESTS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/tested.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS)

# A frontend by hand.
$(filter $(BUILD)/tests/hostile/guest_%,$(GUESTS)): $(BUILD)/tests/hostile/rogue.o

# The real thing, in place of what a worker without libnbd has.
$(filter $(BUILD)/tests/unit/test_nbd_%,$(UNIT_TESTS)): $(call objs,$(NBD_SRC))

# A domain within the test, in place of the Linux port.
$(filter $(BUILD)/tests/unit/test_frontend_%,$(UNIT_TESTS)) \
$(BUILD)/tests/fuzz/fuzz_frontend $(BUILD)/tests/fuzz/fuzz_stream: \
				$(BUILD)/tests/lib/fakebackend.o $(BUILD)/tests/lib/fakedom.o

guests: $(GUESTS)

tests: all guests $(UNIT_TESTS)	## build the tests

SAN_BUILD := $(BUILD)/san
SAN_MAKE = $(MAKE) BUILD=$(SAN_BUILD) SAN=address,undefined OPT="-O1 -g"

# What only tests use, and not all of them: they skip what is not there.
TEST_TOOLS := fio libnbd-bin nbdkit python3-libnbd qemu-utils

test: deps				## everything that has to pass (installs what it needs)
	$(Q)$(MAKE) all guests
	$(Q)$(SAN_MAKE) tests
	$(Q)PLAIN='$(abspath $(BUILD))' tests/run.sh $(SAN_BUILD) all

check-unit:				## unit tests and hostile peers, under the sanitizers
	$(Q)$(SAN_MAKE) tests
	$(Q)tests/run.sh $(SAN_BUILD) unit

# With what it is a test of, and nothing else: no other part of xpv has threads.
THREADS_TEST := $(BUILD)/tests/threads/test_vdisk_lanes

$(THREADS_TEST): $(call objs,tests/unit/test_vdisk_lanes.c $(VDISK_CORE_SRC) $(NBD_NONE_SRC) \
			     backend/loop.c backend/log.c backend/wire.c $(RING_SRC))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ALL_LIBS)

threads-test: $(THREADS_TEST)

# Some kernels spread addresses more widely than this sanitizer can follow.
NO_ASLR = $(shell setarch -R true 2>/dev/null && echo setarch -R)

check-threads:				## the worker's threads, under the thread sanitizer
	$(Q)$(MAKE) BUILD=$(BUILD)/threads SAN=thread OPT="-O1 -g" threads-test
	$(Q)$(NO_ASLR) $(BUILD)/threads/tests/threads/test_vdisk_lanes

check-port:				## the frontend core asks for os.h and mem*, nothing else
	$(Q)frontend/check_port.sh $(BUILD)/port $(FRONTEND_SRC) $(RING_SRC) $(SCHEMA_SRC)

check-sim:				## scenarios in the simulator, under the sanitizers; T=name: one
	$(Q)$(MAKE) all
	$(Q)$(SAN_MAKE) tests
	$(Q)PLAIN='$(abspath $(BUILD))' tests/run.sh $(SAN_BUILD) scenario $(T)

check-nested:				## scenarios on real Xen under QEMU; T=name: one
	$(Q)tools/deps.sh
	$(Q)$(MAKE) all guests
	$(Q)tests/nested/run.sh $(BUILD) $(or $(T),all)

bench-nested:				## xpv, xen-blkback and qdisk side by side on real Xen
	$(Q)tools/deps.sh
	$(Q)$(MAKE) all guests
	$(Q)tests/nested/run.sh $(BUILD) side_by_side

nested-shell:				## Dom0's prompt on real Xen under QEMU
	$(Q)tools/deps.sh
	$(Q)$(MAKE) all guests
	$(Q)tests/nested/shell.sh $(BUILD)

export DISK SVG

demo:					## the main job, told step by step; DISK=path: with an image of your own
	$(Q)tools/deps.sh
	$(Q)$(MAKE) all
	$(Q)BUILD='$(abspath $(BUILD))' tools/demo.sh "$$DISK"

FUZZ_BUILD := $(BUILD)/fuzz
SECONDS ?= 60

# The supervisor's part of a handshake, without what it leads to.
$(BUILD)/tests/fuzz/fuzz_handshake: $(call objs,backend/supervisor/rings.c \
					backend/supervisor/store.c backend/supervisor/vdisk.c)

$(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/tested.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS)

fuzzers: $(FUZZERS)

fuzz: deps				## fuzz every validator and parser, SECONDS=60 each
	$(Q)tools/deps.sh libclang-rt-14-dev
	$(Q)$(MAKE) BUILD=$(FUZZ_BUILD) CC=clang SAN=address,undefined \
		CFLAGS=-fsanitize=fuzzer-no-link OPT="-O1 -g" fuzzers
	$(Q)tests/fuzz/run.sh $(FUZZ_BUILD) $(SECONDS)

LINT_BUILD := $(BUILD)/lint
HEADERS = $(shell git ls-files -co --exclude-standard '*.h')
LINT_SRC = $(shell git ls-files -co --exclude-standard '*.c')

# A header has to compile alone.
$(BUILD)/%.h.o: %.h
	$(call say,HEADER,$<)
	$(Q)mkdir -p $(@D)
	$(Q)gcc $(ALL_CFLAGS) $(INC) -Wno-unused-function -fsyntax-only -x c -include $< /dev/null && touch $@

lint-objects: $(call objs,$(LINT_SRC)) $(HEADERS:%=$(BUILD)/%.o)

lint:					## clang-tidy, self-contained headers, and the house's own rules
	$(Q)tools/deps.sh clang-tidy shellcheck
	$(Q)$(MAKE) --no-print-directory BUILD=$(LINT_BUILD) CC=tests/lint_cc.sh lint-objects
	$(Q)tests/lint.sh
	@echo "lint: clean"

# The guest's notifications are counted at libxenevtchn's door (tests/bench/blk_guest.c).
BENCHES := $(addprefix $(BUILD)/tests/bench/,blk_guest pread toy_disk vhost_blk)
BENCH_WRAP := -Wl,--wrap=xenevtchn_notify,--wrap=xenevtchn_pending

$(BUILD)/tests/bench/blk_guest: $(call objs,tests/bench/blk_guest.c tests/bench/bench.c \
					    $(LINUX_PORT_SRC) $(FRONTEND_SRC) $(RING_SRC) $(SCHEMA_SRC))
$(BUILD)/tests/bench/blk_guest: LIBS := $(XEN_LIBS) $(BENCH_WRAP)
$(BUILD)/tests/bench/pread: $(call objs,tests/bench/pread.c tests/bench/bench.c)
$(BUILD)/tests/bench/toy_disk: $(call objs,tests/bench/toy_disk.c tests/bench/bench.c)
$(BUILD)/tests/bench/vhost_blk: $(call objs,tests/bench/vhost_blk.c tests/bench/vhost_user.c \
					    tests/bench/bench.c)

$(BENCHES):
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS)

bench:					## paired ratios beside the peers; SVG=file: as a drawing too
	$(Q)tools/deps.sh dpdk-doc libdpdk-dev
	$(Q)$(MAKE) all $(BENCHES)
	$(Q)BUILD='$(abspath $(BUILD))' tests/bench/run.sh

LIBDIR = $(DESTDIR)$(PREFIX)/lib/xpv

install: all				## into $(DESTDIR)$(PREFIX), by default /usr/local; a hotplug script into $(DESTDIR)/etc
	install -d $(LIBDIR)/sim $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(addprefix $(BUILD)/,$(PROGRAMS)) $(LIBDIR)
	install -m 644 $(NBDKIT_PLUGIN) $(LIBDIR)
	install -m 755 $(SIM_LIBS) $(LIBDIR)/sim
	install -d $(DESTDIR)/etc/xen/scripts
	install -m 755 tools/hotplug/block-xpv $(DESTDIR)/etc/xen/scripts
	ln -sf ../lib/xpv/xpv $(DESTDIR)$(PREFIX)/bin/xpv
	ln -sf ../lib/xpv/xpvd $(DESTDIR)$(PREFIX)/sbin/xpvd

deps:					## install the Debian packages that are missing
	$(Q)tools/deps.sh $(TEST_TOOLS)

clean:					## remove what was built
	rm -rf $(BUILD)

help:					## this list
	$(Q)sed -n 's/^\([a-z-]*\):[^#]*##[[:space:]]*\(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		sort | expand -t 16

.PHONY: all bench bench-nested check-nested check-port check-sim check-threads check-unit clean demo deps fuzz fuzzers guests help install lint lint-objects nested-shell test tests threads-test

# Of this build alone: the sanitizers', the fuzzers' and lint's lie below it.
-include $(shell find $(BUILD) \( -path '$(BUILD)/san' -o -path '$(BUILD)/fuzz' \
	-o -path '$(BUILD)/lint' -o -path '$(BUILD)/threads' \) -prune -o -name '*.d' -print 2>/dev/null)
