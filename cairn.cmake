# SPDX-License-Identifier: MIT
#
# For hosts that build with CMake: what to compile and how. Builds nothing. Before include() a host may set
#
#   CAIRN_PORT   folder of its port header (default: ports/bare of this tree)
#   CAIRN_ARCH   x86_64, aarch64 or riscv64, if the compiler needs telling what the core does not survive
#
# and gets the lists CAIRN_SOURCES, CAIRN_CFLAGS, CAIRN_INCLUDES (folders). The port's own sources are the host's to
# compile.

set(CAIRN_ROOT ${CMAKE_CURRENT_LIST_DIR})
if(NOT CAIRN_PORT)
  set(CAIRN_PORT ${CAIRN_ROOT}/ports/bare)
endif()

file(STRINGS ${CAIRN_ROOT}/sources.txt CAIRN_SOURCES REGEX "^[^#]")
list(TRANSFORM CAIRN_SOURCES REPLACE "#.*" "")
list(TRANSFORM CAIRN_SOURCES STRIP)
list(FILTER CAIRN_SOURCES INCLUDE REGEX ".")
list(TRANSFORM CAIRN_SOURCES PREPEND ${CAIRN_ROOT}/)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CAIRN_ROOT}/sources.txt)

set(CAIRN_INCLUDES ${CAIRN_ROOT}/include ${CAIRN_PORT})
set(CAIRN_CFLAGS -std=gnu11)
# Out-of-line atomics are calls into libgcc.
if(CAIRN_ARCH STREQUAL "aarch64")
  list(APPEND CAIRN_CFLAGS -mno-outline-atomics)
endif()
