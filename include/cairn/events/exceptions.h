/* SPDX-License-Identifier: MIT */
/* Page faults, fired at the start of the handler: address, instruction, and the error code of the architecture. */
/* clang-format off */
#ifndef CAIRN_EVENTS_EXCEPTIONS_H
#define CAIRN_EVENTS_EXCEPTIONS_H

#include "../event.h"

CAIRN_EVENT(exceptions, page_fault_user,
	    (field, unsigned long, address)
	    (field, unsigned long, ip)
	    (field, unsigned long, error_code),
	    "address=0x%lx ip=0x%lx error_code=0x%lx");

CAIRN_EVENT(exceptions, page_fault_kernel,
	    (field, unsigned long, address)
	    (field, unsigned long, ip)
	    (field, unsigned long, error_code),
	    "address=0x%lx ip=0x%lx error_code=0x%lx");

#endif
