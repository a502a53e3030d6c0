# SPDX-License-Identifier: MIT
#
# For hosts that build with make: what to compile and how. Builds nothing. Before the include line a host may set
#
#   CAIRN_PORT   folder of its port header (default: ports/bare of this tree)
#   CAIRN_ARCH   x86_64, aarch64 or riscv64, if the compiler needs telling what the core does not survive
#
# and gets CAIRN_SOURCES (paths as given by the include line), CAIRN_CFLAGS, CAIRN_INCLUDES. The port's own sources are
# the host's to compile.

CAIRN_ROOT := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CAIRN_PORT ?= $(CAIRN_ROOT)/ports/bare

CAIRN_SOURCES := $(addprefix $(CAIRN_ROOT)/,$(shell sed -e 's/\#.*//' $(CAIRN_ROOT)/sources.txt))
CAIRN_INCLUDES := -I$(CAIRN_ROOT)/include -I$(CAIRN_PORT)
CAIRN_CFLAGS := -std=gnu11
# Out-of-line atomics are calls into libgcc.
ifeq ($(CAIRN_ARCH),aarch64)
CAIRN_CFLAGS += -mno-outline-atomics
endif
