# SPDX-License-Identifier: MIT
"""Fabricate regions and captures for the tests of the command, from the words of include/cairn/layout.h alone.

    mkregion.py SCENARIO OUT      writes OUT and OUT.json, the exact sums that a reader must find
    mkregion.py --list            names of the scenarios
    mkregion.py --all DIR         every scenario as DIR/SCENARIO.region

The writer below is a model in the simplest form: no nesting, no concurrency. It never reads what it wrote.
"""
import json
import os
import struct
import sys

PAGE = 4096
MAGIC = b"CAIRN-REGION\r\n\x1a\n"
HEADER = 88
UUID = bytes(range(0x10, 0x20))
LOST = ["full", "wrapped", "too_big", "clock", "recursion", "no_stream", "switch", "abandoned"]
REFUSED = ["filtered", "sampled", "over_budget"]
STATE, METADATA, EVENTS, RINGS, PACKETS, NAMES, BUFFERS = 1, 2, 3, 4, 5, 6, 11
LIVE, FROZEN, NONE = 1, 4, 0xFFFFFFFF
MAIN, INSTANCE, SNAPSHOT = 1, 2, 3
WEAK, USER, CAPTURE, CLOCK_NS = 1, 2, 4, 8
HARDIRQ, SOFTIRQ, NMI, IRQS_OFF, RESCHED = (1 << b for b in range(24, 29))
M64 = (1 << 64) - 1


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc_table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


CRC_TABLE = list(crc_table())

# --- events: id, name, fields (declaration, size, signed, element, TSDL), print format -----------------------------------


class Field:
    def __init__(self, declaration, size, signed=0, element=None, dynamic=None):
        self.declaration, self.size, self.signed = declaration, size, signed
        self.element = element or size
        self.dynamic = dynamic
        self.name = declaration.split("[")[0].split()[-1] if not dynamic else declaration.split()[-1]


class Event:
    def __init__(self, ident, name, fields, fmt):
        self.id, self.name, self.fields, self.fmt = ident, name, fields, fmt
        at = 0
        for f in fields:
            align = min(f.element if not f.dynamic else 4, 4)
            at = (at + align - 1) // align * align
            f.offset = at
            at += f.size
        self.fixed = at

    def payload(self, **values):
        out = bytearray(self.fixed)
        for f in self.fields:
            v = values[f.name]
            if f.dynamic:
                data = v if isinstance(v, bytes) else v.encode() + b"\0"
                align = min(f.element, 4)
                while len(out) % align:
                    out.append(0)
                base = f.offset + 4 if f.dynamic == "rel" else -8
                out[f.offset:f.offset + 4] = struct.pack("<I", len(out) - base | len(data) << 16)
                out += data
            elif isinstance(v, (bytes, str)):
                data = v if isinstance(v, bytes) else v.encode()
                out[f.offset:f.offset + f.size] = data[:f.size].ljust(f.size, b"\0")
            elif isinstance(v, list):
                for i, x in enumerate(v):
                    out[f.offset + i * f.element:f.offset + (i + 1) * f.element] = \
                        (x % (1 << (8 * f.element))).to_bytes(f.element, "little")
            else:
                out[f.offset:f.offset + f.size] = (v % (1 << (8 * f.size))).to_bytes(f.size, "little")
        return bytes(out)

    def tsdl(self):
        text = "/*cairn event %d %s\nmask 0x%x\nhash 0x%x\n" % (self.id, self.name, 1 << self.id % 10, self.id * 0x9E3779B97F4A7C15 & M64)
        for f in self.fields:
            text += "field %d %d %d %d %s\n" % (f.offset + 8, f.size, f.signed, f.element, f.declaration)
        text += "print %s\n*/\n" % self.fmt.replace("*/", "*\\/")
        text += 'event { name = "%s"; id = %d; stream_id = 0; fields := struct {\n' % (self.name, self.id)
        for f in self.fields:
            n = f.name
            if f.dynamic:
                text += "\tinteger { size = 16; align = 32; } _off_%s; " % n
                shift = f.element.bit_length() - 1
                if shift:
                    text += "integer { size = %d; align = 1; } _r_%s; integer { size = %d; align = 1; } _n_%s;\n" % (
                        shift, n, 16 - shift, n)
                else:
                    text += "integer { size = 16; align = 16; } _len_%s;\n" % n
            elif "char" in f.declaration and f.element == 1 and f.size > 1:
                text += "\tinteger { size = 8; align = 8; encoding = UTF8; } %s[%d];\n" % (n, f.size)
            else:
                base = " signed = true;" if f.signed else ""
                text += "\tinteger { size = %d; align = %d;%s } %s%s;\n" % (
                    f.element * 8, min(f.element, 4) * 8, base, n, "" if f.element == f.size else "[%d]" % (f.size // f.element))
        for f in self.fields:
            if not f.dynamic:
                continue
            if f.element == 1:
                text += "\tinteger { size = 8; align = 8;%s } %s[_len_%s];\n" % (
                    " encoding = UTF8;" if "char" in f.declaration else "", f.name, f.name)
            else:
                text += "\tinteger { size = %d; align = %d; } %s[_n_%s];\n" % (f.element * 8, min(f.element, 4) * 8, f.name, f.name)
        if any(f.dynamic for f in self.fields) or self.fixed % 4:
            text += "\tstruct { } align(32) _pad;\n"
        return text + "}; };\n"


def char16(name):
    return Field("char %s[16]" % name, 16, element=1)


def i32(name, ctype="int"):
    return Field("%s %s" % (ctype, name), 4, 1)


def u32(name):
    return Field("unsigned int %s" % name, 4)


def u64(name, ctype="unsigned long"):
    return Field("%s %s" % (ctype, name), 8)


SWITCH = Event(18, "sched:sched_switch", [
    char16("prev_comm"), i32("prev_pid", "pid_t"), i32("prev_prio"), Field("long prev_state", 8, 1),
    char16("next_comm"), i32("next_pid", "pid_t"), i32("next_prio")],
    '"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", REC->prev_comm, '
    'REC->prev_pid, REC->prev_prio, (REC->prev_state & ((((0x0000 | 0x0001 | 0x0002) + 1) << 1) - 1)) ? '
    '__print_flags(REC->prev_state & ((((0x0000 | 0x0001 | 0x0002) + 1) << 1) - 1), "|", { 0x0001, "S" }, { 0x0002, "D" }) : '
    '"R", REC->prev_state & 0x100 ? "+" : "", REC->next_comm, REC->next_pid, REC->next_prio')
ENTER = Event(19, "raw_syscalls:sys_enter", [Field("long id", 8, 1), Field("unsigned long args[6]", 48, element=8)],
              '"NR %ld (%lx, %lx, %lx, %lx, %lx, %lx)", REC->id, REC->args[0], REC->args[1], REC->args[2], REC->args[3], '
              'REC->args[4], REC->args[5]')
OPEN = Event(20, "file:open", [u32("flags"), Field("__data_loc char[] path", 4, element=1, dynamic="loc"), i32("fd"),
                               Field("__data_loc u16[] modes", 4, element=2, dynamic="loc")],
             '"path=%s flags=%s fd=%d modes=%s n=%d", __get_str(path), __print_flags(REC->flags, "|", { 1, "WRITE" }, '
             '{ 2, "RDWR" }, { 0x40, "CREAT" }), REC->fd, __print_array(__get_dynamic_array(modes), '
             '__get_dynamic_array_len(modes) / 2, 2), __get_dynamic_array_len(modes) / (int)sizeof(u16)')
MARK = Event(21, "user:mark", [u64("ip"), Field("__rel_loc char[] buf", 4, element=1, dynamic="rel")],
             '"%s", __get_rel_str(buf)')
TICK = Event(22, "timer:tick", [u64("jiffies"), Field("u8 cpu", 1), Field("s8 drift", 1, 1), Field("u16 load", 2)],
             '"jiffies=%lu cpu=%u drift=%d load=%u.%02u%%", REC->jiffies, REC->cpu, REC->drift, REC->load / 100, REC->load % 100')
ODD = Event(23, "odd:unprintable", [u32("a"), i32("b")], '"a=%d b=%s", some_function(REC->a), *REC->b')
RENAME = Event(24, "task:task_rename", [i32("pid", "pid_t"), char16("oldcomm"), char16("newcomm"), Field("short oom_score_adj", 2, 1)],
               '"pid=%d oldcomm=%s newcomm=%s oom_score_adj=%hd", REC->pid, REC->oldcomm, REC->newcomm, REC->oom_score_adj')
STATEV = Event(25, "power:state", [u32("state"), Field("u8 raw[4]", 4, element=1)],
               '"state=%s raw=%s", __print_symbolic(REC->state, { 0, "on" }, { 1, "idle*/" }, { 2, "off" }), __print_hex(REC->raw, 4)')
ALL = [SWITCH, ENTER, OPEN, MARK, TICK, ODD, RENAME, STATEV]

HEAD = """/* CTF 1.8 */
typealias integer { size = 64; align = 32; } := u64;
typealias integer { size = 32; align = 32; } := u32;
trace { major = 1; minor = 8; byte_order = le; uuid = "%s"; packet.header := struct {
	integer { size = 32; align = 32; base = 16; } magic; integer { size = 8; align = 8; } uuid[16]; u32 stream_id; }; };
env { domain = "kernel"; tracer_name = "perf"; };
clock { name = "cairn"; freq = %d; offset_s = 0; offset = 0; };
typealias integer { size = 64; align = 32; map = clock.cairn.value; } := ts64;
stream { id = 0;
	event.header := struct { integer { size = 48; align = 32; map = clock.cairn.value; } timestamp;
		integer { size = 16; align = 16; } id; };
	event.context := struct { integer { size = 24; align = 32; } pid; integer { size = 8; align = 8; } ctx; };
	packet.context := struct { ts64 timestamp_begin; ts64 timestamp_end; u64 content_size; u64 packet_size;
		u64 packet_seq_num; u64 events_discarded; u64 events_before; u32 cpu_id; u32 flags; };
};
"""


def metadata_packet(text, uuid):
    body = text.encode()
    bits = (37 + len(body)) * 8
    return struct.pack("<I16sIIIBBBBB", 0x75D11D57, uuid, crc32c(body), bits, bits, 0, 0, 0, 1, 8) + body


def uuid_text(u):
    h = u.hex()
    return "-".join([h[:8], h[8:12], h[12:16], h[16:20], h[20:]])


# --- rings ----------------------------------------------------------------------------------------------------------------


class Ring:
    """One ring. `pending` records hold `committed` back, as an interrupted writer does."""

    def __init__(self, index, cpu, packet, slots, mode=0, start=0, uuid=UUID, stream=None):
        self.stream = index if stream is None else stream
        self.state, self.then, self.epoch = LIVE, 0, 0
        self.before = None  # the ring that it goes on from
        self.minor = 0
        self.index, self.cpu, self.P, self.N, self.mode, self.uuid = index, cpu, packet, slots, mode, uuid
        self.mem = bytearray(packet * slots)
        self.closed = bytearray(16 * slots)
        self.pos = self.committed = start * packet
        self.count = self.committed_count = 0
        self.lost = [0] * 8
        self.total = 0
        self.hint = start
        self.ts_end = 0
        self.consumed = 0
        self.blocked = False
        self.unpublished = []
        self.records = []  # (seq, name) of every committed record
        self.open_records = []
        for s in range(slots):
            self.header(s, 0, 0, 0, HEADER, CAIRN_SEQ_INVALID, 0, 0)

    def header(self, slot, begin, end, _, content, seq, discarded, before):
        struct.pack_into("<I16sIQQQQQQQII", self.mem, slot * self.P, 0xC1FC1FC1, self.uuid, 0, begin, end, content * 8,
                         self.P * 8, seq, discarded, before, self.cpu, self.stream | self.epoch << 16)

    def poke(self, seq, offset, fmt, *values):
        struct.pack_into(fmt, self.mem, seq % self.N * self.P + offset, *values)

    def open(self, ts, close=None):
        close = ts if close is None else close
        off = self.pos % self.P
        ns = self.pos - off + (self.P if off else 0)
        if self.mode == 1 and ns + self.P - self.consumed > self.N * self.P:
            self.lost[0] += 1
            return False
        if ns + self.P - self.committed // self.P * self.P > self.N * self.P:
            self.lost[1] += 1
            return False
        lost = sum(self.lost)
        old = self.pos // self.P
        s = ns // self.P
        if off:
            struct.pack_into("<QQ", self.closed, old % self.N * 16, (self.pos & (1 << 48) - 1) | self.count << 48, close)
            self.poke(old, 64, "<Q", lost)
            self.unpublished.append((old, off, self.count, close))
        before = struct.unpack_from("<Q", self.mem, s % self.N * self.P + 72)[0]
        self.header(s % self.N, ts, ts, 0, HEADER, s, lost, before)
        self.hint = s
        self.pos, self.count, self.ts_end = ns + HEADER, 0, ts
        if not self.blocked:
            self.publish()
        return True

    def publish(self):
        for seq, end, count, ts in self.unpublished:
            self.poke(seq, 32, "<QQ", ts, end * 8)
            self.total += count
            self.poke(seq + 1, 72, "<Q", self.total)
        self.unpublished = []
        seq = self.pos // self.P
        self.poke(seq, 32, "<QQ", self.ts_end, self.pos % self.P * 8)
        self.committed, self.committed_count = self.pos, self.count
        self.records += self.open_records
        self.open_records = []

    def emit(self, ts, event, task, payload=None, pending=False, ident=None, **values):
        body = payload if payload is not None else event.payload(**values)
        size = 12 + (len(body) + 3) // 4 * 4
        if size > self.P - HEADER - 4:
            self.lost[2] += 1
            return
        off = self.pos % self.P
        if off == 0 or off + size > self.P - 4:
            if not self.open(ts):
                return
        at = self.pos % (self.N * self.P)
        ident = ident or event.id
        struct.pack_into("<QI", self.mem, at, ts & (1 << 48) - 1 | ident << 48, task)
        self.mem[at + 12:at + size] = body.ljust(size - 12, b"\0")
        self.open_records.append((self.pos // self.P, event.name if event else None))
        self.pos += size
        self.count += 1
        self.ts_end = ts
        if pending:
            self.blocked = True
            self.open_records.pop()
        if not self.blocked:
            self.publish()

    def unblock(self):
        self.blocked = False
        self.publish()

    def control(self, packets_offset, closed_offset):
        mask = (1 << 48) - 1
        left = self.state == FROZEN
        pos = up(self.pos, self.P) & mask | 1 if left else self.pos & mask | self.count << 48
        b = struct.pack("<QQQQQQIIQ", pos, self.pos // self.P * self.P + self.P - 4 & mask,
                        self.committed & mask | self.committed_count << 48 | left, 0x1000, self.N * self.P - 1, self.P - 1, 0,
                        self.mode, 0x2000)
        b += struct.pack("<8Q", *self.lost)
        b += struct.pack("<QQQQIIIIII", self.total, self.hint, packets_offset, closed_offset, 1, 0x474E5243, self.cpu,
                         self.index, 0, self.state)
        b += struct.pack("<II", self.stream, self.then) if self.minor else b""
        return b.ljust(512, b"\0")

    def account(self):
        """Sums and names of what survives: slots that still say the number of their packet."""
        alive = set()
        newest = self.committed // self.P
        for s in range(max(0, newest - self.N + 1), newest + 1):
            if struct.unpack_from("<Q", self.mem, s % self.N * self.P + 56)[0] == s:
                alive.add(s)
        events = {}
        decoded = 0
        for seq, name in self.records:
            if seq in alive:
                decoded += 1
                if name:
                    events[name] = events.get(name, 0) + 1
        return {"region": 0, "cpu": self.cpu, "decoded": decoded, "lost": sum(self.lost),
                "lost_by": dict(zip(LOST, self.lost)), "overwritten": len(self.records) - decoded,
                "emitted": len(self.records) + sum(self.lost), "events": events}


CAIRN_SEQ_INVALID = M64

# --- regions --------------------------------------------------------------------------------------------------------------


def up(n, to=PAGE):
    return (n + to - 1) // to * to


class Region:
    def __init__(self, packet=4096, uuid=UUID, flags=CLOCK_NS, hz=1000000000, base=0, wall=0, name="fabricated", pid=0,
                 start=0, cpus=2, events=None, nonce=0x1234, minor=0):
        self.minor, self.buffers, self.resets = minor, [], 0
        self.packet, self.uuid, self.flags, self.hz, self.base, self.wall = packet, uuid, flags, hz, base, wall
        self.name, self.pid, self.start, self.cpus, self.nonce = name, pid, start, cpus, nonce
        self.events = events or ALL
        self.rings = []
        self.names = []
        self.state_flags = 1
        self.state_clock = (0, 0, 0)
        self.lost_no_stream = 0
        self.refused = {}  # event id -> filtered, sampled, over budget
        self.late = []  # events of a second metadata packet
        self.metadata_unit = 65536

    def ring(self, slots=4, mode=0, cpu=None, start=0):
        r = Ring(len(self.rings), len(self.rings) if cpu is None else cpu, self.packet, slots, mode, start, self.uuid)
        r.minor = self.minor
        self.rings.append(r)
        return r

    def succeed(self, old, slots, then):
        """The stream of `old` goes on in another ring; what is in the old one belongs to buffer `then`, or NONE: it is given up."""
        r = Ring(len(self.rings), old.cpu, self.packet, slots, old.mode, up(old.pos, old.P) // old.P, self.uuid, old.stream)
        r.minor, r.before, r.lost, r.epoch = self.minor, old, list(old.lost), old.epoch
        r.total = old.total + old.count
        r.poke(r.pos // r.P, 72, "<Q", r.total)
        if old.pos % old.P:
            old.poke(old.pos // old.P, 64, "<Q", sum(old.lost))
        old.state, old.then = FROZEN, then
        self.rings.append(r)
        return r

    def metadata(self):
        text = HEAD % (uuid_text(self.uuid), self.hz or 1) + "".join(e.tsdl() for e in self.events)
        out = metadata_packet(text, self.uuid)
        for e in self.late:
            out += metadata_packet(e.tsdl(), self.uuid)
        return out

    def names_table(self):
        slots = [None] * 64
        for pid, comm in self.names:
            at = (pid * 2654435761 & 0xFFFFFFFF) >> 8 & 63
            while slots[at]:
                at = at + 1 & 63
            slots[at] = struct.pack("<IIII16s", 2, pid, pid, 1, comm.encode()[:15])
        return b"".join(s or bytes(32) for s in slots)

    def superblock(self, sections, total, capture_uuid=bytes(16)):
        rows = b"".join(struct.pack("<IIQQII", *s) for s in sections).ljust(512, b"\0")
        sb = MAGIC + struct.pack("<HHIIIQ16sQIIIIQQQIIQQ64s64s16s", 1, self.minor, 0, 1024, len(sections), total, self.uuid, self.nonce,
                                 1, self.flags, 64, self.cpus, self.hz, self.base, self.wall, self.packet, self.pid, self.start,
                                 0, self.name.encode(), b"0123abcd", capture_uuid)
        sb = sb.ljust(512, b"\0") + rows
        crc = crc32c(sb)
        return (sb[:20] + struct.pack("<I", crc) + sb[24:]).ljust(PAGE, b"\0")

    def state(self, metadata_bytes):
        return struct.pack("<IIQIIIIQQQQQQQ", self.state_flags, len(self.events) + len(self.late), metadata_bytes, 0,
                           len(self.rings), 2 if self.state_clock[0] else 0, self.resets, *self.state_clock, 0, self.lost_no_stream, 0,
                           0).ljust(256, b"\0")

    def entries(self):
        return b"".join(struct.pack("<IIQQQQQQQ", e.id, 1, 0, 0, 0, *self.refused.get(e.id, (0, 0, 0)), 0) for e in self.events + self.late)

    def build(self):
        meta = self.metadata()
        meta_room = up(len(meta) + 100, self.metadata_unit)
        closed = sum(16 * r.N for r in self.rings)
        nr = max(len(self.rings), 4)
        at = PAGE
        sections = []
        body = {}

        def add(kind, data, room, entry=0, count=0):
            nonlocal at
            at = up(at, self.packet if kind == PACKETS else PAGE)
            sections.append((kind, 1, at, room, entry, count))
            body[at] = data
            at += room
            return at - room

        add(STATE, self.state(len(meta)), 256, 256, 1)
        add(METADATA, meta, meta_room)
        add(EVENTS, self.entries(), 64 * 64, 64, 64)
        rings_at = up(at)
        rings_room = 512 * nr + closed
        packets_at = up(up(rings_at + rings_room) + 32 * 64, self.packet)
        if self.buffers:  # a page of their own behind the names
            packets_at = up(up(up(rings_at + rings_room) + 32 * 64) + 128 * len(self.buffers), self.packet)
        control = b""
        closed_data = b""
        closed_at = rings_at + 512 * nr
        offset = packets_at
        for r in self.rings:
            control += r.control(offset, closed_at + len(closed_data))
            closed_data += r.closed
            offset += r.N * r.P
        add(RINGS, control.ljust(512 * nr, b"\0") + closed_data, rings_room, 512, nr)
        add(NAMES, self.names_table(), 32 * 64, 32, 64)
        if self.buffers:
            rows = b"".join(struct.pack("<32sIIIIQQ64x", name.encode(), kind, parent, 0, 0, 16384, 0) for name, kind, parent in self.buffers)
            add(BUFFERS, rows, len(rows), 128, len(self.buffers))
        at_packets = add(PACKETS, b"".join(r.mem for r in self.rings), offset - packets_at or PAGE, self.packet,
                         sum(r.N for r in self.rings))
        assert at_packets == packets_at, (at_packets, packets_at)
        total = up(at) + PAGE
        image = bytearray(total)
        for place, data in body.items():
            image[place:place + len(data)] = data
        sb = self.superblock(sections, total)
        image[0:PAGE] = sb
        image[total - PAGE:total] = sb
        return bytes(image)

    def expect(self, region=0):
        out = {}
        for r in self.rings:
            a = r.account()
            a["region"] = region
            before = out.get(r.stream)
            if before:  # losses are carried over
                for key in ("decoded", "overwritten"):
                    a[key] += before[key]
                a["emitted"] = a["decoded"] + a["overwritten"] + a["lost"]
                for name, n in before["events"].items():
                    a["events"][name] = a["events"].get(name, 0) + n
            out[r.stream] = a
        return list(out.values())


# --- scenarios ------------------------------------------------------------------------------------------------------------


def fill(region, count=40, seed=1, t0=1000000000, step=1500):
    """Some of everything, on all rings in turn; a small generator of its own keeps it the same everywhere."""
    x = seed

    def rnd(n):
        nonlocal x
        x = (x * 6364136223846793005 + 1442695040888963407) & M64
        return (x >> 33) % n

    t = t0
    tasks = ["init", "bash", "make", "cc1", "ld"]
    for i in range(count):
        r = region.rings[rnd(len(region.rings))]
        t += rnd(step) + 1
        pid = 100 + rnd(len(tasks))
        ctx = [0, HARDIRQ, SOFTIRQ, HARDIRQ | SOFTIRQ, NMI, NMI | HARDIRQ, IRQS_OFF, RESCHED | 2 << 29][rnd(8)]
        kind = rnd(8)
        if kind == 0:
            nxt = 100 + rnd(len(tasks))
            r.emit(t, SWITCH, pid, prev_comm=tasks[pid - 100], prev_pid=pid, prev_prio=120, prev_state=rnd(4) | (rnd(2) << 8),
                   next_comm=tasks[nxt - 100], next_pid=nxt, next_prio=120)
        elif kind == 1:
            r.emit(t, ENTER, pid | ctx, id=rnd(400), args=[rnd(1 << 30) for _ in range(6)])
        elif kind == 2:
            r.emit(t, OPEN, pid | ctx, flags=rnd(128), path="/tmp/" + "x" * rnd(30), fd=rnd(5) - 1,
                   modes=b"".join(struct.pack("<H", rnd(65536)) for _ in range(rnd(4))))
        elif kind == 3:
            r.emit(t, MARK, pid | ctx, ip=rnd(1 << 30), buf="mark %d" % i + ("\n" if i & 1 else ""))
        elif kind == 4:
            r.emit(t, TICK, ctx, jiffies=M64 - i, cpu=r.cpu, drift=-rnd(100), load=rnd(10000))
        elif kind == 5:
            r.emit(t, ODD, pid, a=i, b=-i)
        elif kind == 6:
            r.emit(t, RENAME, pid, pid=pid, oldcomm="old", newcomm=tasks[pid - 100], oom_score_adj=-5)
        else:
            r.emit(t, STATEV, pid | ctx, state=rnd(4), raw=[rnd(256) for _ in range(4)])
    return t


def basic():
    g = Region()
    g.names = [(100, "init"), (101, "sh\x1b[31m"), (777, "unused")]
    g.ring(), g.ring()
    fill(g)
    return [g]


def overwrite():
    g = Region(cpus=4)
    for slots in (2, 4, 2, 8):
        g.ring(slots)
    fill(g, 2500)
    return [g]


def big_packets():
    g = Region(packet=65536, cpus=2)
    g.ring(2), g.ring(2)
    fill(g, 6000, step=900)
    return [g]


def discard():
    g = Region()
    g.ring(4, mode=1), g.ring(2, mode=1)
    fill(g, 700)
    g.rings[0].lost[3] += 2
    g.rings[0].emit(5000000000, None, 0, payload=bytes(5000))
    g.rings[1].lost[4] += 7
    g.lost_no_stream = 11
    return [g]


def lost_between():
    """Losses that fall between packets and after the last one."""
    g = Region(cpus=1)
    r = g.ring(8)
    t = 1000
    for i in range(400):
        t += 1000
        r.emit(t, TICK, 5, jiffies=i, cpu=0, drift=0, load=i)
        if i % 150 == 149:
            r.lost[4] += 3
    return [g]


def causes():
    """Every cause of a loss, at different places of two rings, and every kind of event that nobody wanted."""
    g = Region(cpus=2)
    g.ring(8), g.ring(2)
    t = 1000
    for i in range(400):
        t += 1000
        g.rings[i % 2].emit(t, TICK, 5, jiffies=i, cpu=i % 2, drift=0, load=i)
        if i % 50 == 49:
            g.rings[0].lost[i // 50] += i // 50 + 1
        if i == 333:
            g.rings[1].lost[7] += 100
    g.refused = {SWITCH.id: (5, 0, 0), TICK.id: (1000, 20, 3)}
    g.lost_no_stream = 9
    return [g]


def pending():
    g = Region(cpus=1)
    r = g.ring(4)
    t = fill(g, 60)
    r.emit(t + 1, TICK, 5, pending=True, jiffies=1, cpu=0, drift=0, load=0)
    r.emit(t + 2, TICK, 5 | HARDIRQ, jiffies=2, cpu=0, drift=0, load=0)
    return [g]


def closed_pending():
    """A packet that was closed while an outer record in it was pending."""
    g = Region(cpus=1)
    r = g.ring(4)
    t = fill(g, 60)
    r.emit(t + 1, TICK, 5, pending=True, jiffies=1, cpu=0, drift=0, load=0)
    for i in range(100):
        r.emit(t + 2 + i, ENTER, 5 | HARDIRQ, id=i, args=[i] * 6)
    return [g]


def reopened():
    """The oldest slot is being reopened: its number is invalid, its bytes are old."""
    g = Region(cpus=1)
    r = g.ring(4)
    fill(g, 800)
    r.poke(r.pos // r.P - r.N + 1, 56, "<Q", M64)
    return [g]


def empty_open():
    """The open packet holds no record yet."""
    g = Region(cpus=1)
    r = g.ring(2)
    fill(g, 300)
    r.open(r.ts_end + 5)
    return [g]


def wrap():
    """Positions just below 2^48: numbers of packets must be extended by seq_hint."""
    g = Region(cpus=1)
    g.ring(4, start=(1 << 36) - 3)
    fill(g, 600)
    return [g]


def discarded():
    """Records that a filter rejected after they were begun."""
    g = Region(cpus=1)
    r = g.ring(8)
    t = 5000
    none = Event(65535, None, [], '""')
    for i in range(200):
        t += 10
        r.emit(t, TICK, 5, jiffies=i, cpu=0, drift=0, load=i)
        if i % 3 == 0:
            r.emit(t, none, 5, payload=struct.pack("<I", 8) + bytes(8))
    return [g]


def clock():
    """24 MHz, told late; 48-bit times wrap inside the trace."""
    g = Region(hz=0, flags=0, cpus=1)
    g.state_clock = (24000000, (1 << 48) - 5000, 1700000000 * 10**9)
    g.ring(4)
    fill(g, 100, t0=(1 << 48) - 60000, step=2000)
    return [g]


def unused():
    g = Region(cpus=2)
    g.ring()
    g.ring()
    fill_one = g.rings[0]
    fill_one.emit(10, TICK, 5, jiffies=1, cpu=0, drift=0, load=0)
    return [g]


def user():
    g = Region(flags=USER | CLOCK_NS, pid=4242, start=99, name="prog", cpus=64, wall=1700000000 * 10**9)
    g.names = [(4242, "prog"), (4243, "prog:worker")]
    g.ring(), g.ring(), g.ring()
    fill(g, 90)
    return [g]


def two():
    a = Region(flags=USER | CLOCK_NS, pid=10, start=1, name="one", wall=1700000000 * 10**9, base=1000000000, cpus=4)
    b = Region(flags=USER | CLOCK_NS, pid=11, start=2, name="two", uuid=bytes(range(0x40, 0x50)), nonce=5, hz=10**9,
               wall=1700000000 * 10**9 + 20000, base=1000000000, cpus=4)
    a.ring(), b.ring(2), b.ring()
    fill(a, 50)
    fill(b, 300, seed=7)
    return [a, b]


def late():
    """An event registered late: a second metadata packet."""
    g = Region(events=ALL[:5])
    g.late = ALL[5:]
    g.ring(), g.ring()
    fill(g, 60)
    return [g]


def small():
    """As few bytes as hold some of everything: what fuzzing starts from."""
    g = Region(cpus=1, events=[SWITCH, OPEN, TICK, RENAME])
    g.metadata_unit = PAGE
    g.names = [(100, "init")]
    r = g.ring(2)
    for i in range(90):
        r.emit(1000 + i, TICK, 100, jiffies=i, cpu=0, drift=-1, load=i)
        r.emit(1000 + i, OPEN, 100 | NMI, flags=i, path="p" * (i % 7), fd=i, modes=bytes(2 * (i % 3)))
    r.emit(2000, SWITCH, 100, prev_comm="init", prev_pid=100, prev_prio=120, prev_state=1, next_comm="sh", next_pid=101, next_prio=120)
    r.emit(2001, RENAME, 101, pid=101, oldcomm="sh", newcomm="ls", oom_score_adj=-5)
    r.lost[3] += 2
    return [g]


def exchanged():
    """Format 1.1: two streams that go on twice in other rings, a clock that restarted, and a hostile name of a buffer."""
    g = Region(minor=1)
    g.buffers = [("main", MAIN, 0), ("snapshot", SNAPSHOT, 0), ("x\x1b[31m\"<", INSTANCE, 0)]
    now = [g.ring(2), g.ring(4)]
    t = 1000
    for i in range(2400):
        t += 1000
        r = now[i % 2]
        r.emit(t, TICK, 5, jiffies=i, cpu=i % 2, drift=0, load=i)
        if i % 70 == 69:
            r.lost[6] += 2
        if i in (800, 801, 1200, 1201):
            now[i % 2] = g.succeed(r, 2 if i < 1000 else 8, NONE if i < 1000 else 1)
        if i == 1500:
            g.resets, t = 1, 500
            for k in (0, 1):
                now[k].epoch = 1
                now[k].open(t, now[k].ts_end)
    return [g]


def live():
    """Two rings that nobody has written to yet: for tests/cli/writer.c."""
    g = Region(packet=16384)
    g.state_flags = 0
    g.ring(16), g.ring(16)
    return [g]


SCENARIOS = [basic, overwrite, big_packets, discard, lost_between, causes, pending, closed_pending, reopened, empty_open, wrap,
             discarded, clock, unused, user, two, late, small, exchanged, live]


def guest(image):
    """The region at a page step inside a guest's RAM."""
    return bytes(3 * 65536) + image + bytes(5 * PAGE)


def write(name, out):
    in_guest = name.startswith("guest-")
    regions = {s.__name__: s for s in SCENARIOS}[name.removeprefix("guest-")]()
    image = b"".join(g.build() for g in regions)
    with open(out, "wb") as f:
        f.write(guest(image) if in_guest else image)
    cpus = [a for i, g in enumerate(regions) for a in g.expect(i)]
    sums = {"cpus": cpus, "lost_no_stream": sum(g.lost_no_stream for g in regions),
            "refused": dict(zip(REFUSED, (sum(n[i] for g in regions for n in g.refused.values()) for i in range(3))))}
    with open(out + ".json", "w") as f:
        json.dump(sums, f, indent=1)
    return sums


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(s.__name__ for s in SCENARIOS))
    elif sys.argv[1] == "--all":
        for s in SCENARIOS:
            write(s.__name__, os.path.join(sys.argv[2], s.__name__ + ".region"))
    else:
        write(*sys.argv[1:3])


if __name__ == "__main__":
    main()
