/* SPDX-License-Identifier: MIT */
/* Words to stderr, data to stdout: messages, JSON, the end of stdout. */
#include "verb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void say(const struct verb *v, const char *format, ...)
{
	char raw[2048], safe[4096];
	struct cairn_buf t;
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	cairn_buf_init(&t, safe, sizeof(safe));
	cairn_buf_put_safe(&t, raw, strlen(raw));
	fflush(stdout); /* words stand behind the data they are about */
	fprintf(stderr, "cairn: %s%s%s\n", v->name, *v->name ? ": " : "", cairn_buf_end(&t));
}

int output_finish(const struct verb *v, int status)
{
	bool failed = ferror(stdout);
	int e = errno;

	if (fflush(stdout) != 0) {
		failed = true;
		e = errno;
	}
	if (!failed || e == EPIPE)
		return status;
	say(v, "stdout: %s", strerror(e));
	return status ? status : EXIT_DATA;
}

bool output_is_terminal(int fd)
{
	return isatty(fd);
}

void print_safe(FILE *f, const char *s)
{
	char one[8];

	for (size_t left = strlen(s); left;) {
		size_t n = cairn_reader_utf8_bytes(s, left);
		struct cairn_buf t;
		n = n ? n : 1;
		cairn_buf_init(&t, one, sizeof(one));
		cairn_buf_put_safe(&t, s, n);
		fputs(cairn_buf_end(&t), f);
		s += n;
		left -= n;
	}
}

void json_string(FILE *f, const char *s)
{
	size_t left = strlen(s);

	putc('"', f);
	for (; left; s++, left--) {
		unsigned char c = (unsigned char)*s;
		size_t n = c >= 0x80 ? cairn_reader_utf8_bytes(s, left) : 0;
		if (n) {
			fwrite(s, 1, n, f);
			s += n - 1;
			left -= n - 1;
		} else if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(f, "\\u%04x",
				c); /* a byte that is no text: always valid, and not lost */
		else
			putc(c, f);
	}
	putc('"', f);
}

void json_account(FILE *f, const struct cairn_reader_account *a)
{
	fprintf(f, "\"decoded\":%llu,\"filtered\":%llu,\"lost\":%llu,\"lost_by\":{",
		(unsigned long long)a->decoded, (unsigned long long)a->filtered,
		(unsigned long long)a->lost);
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		fprintf(f, "%s\"%s\":%llu", i ? "," : "", cairn_lost_names[i],
			(unsigned long long)a->lost_by[i]);
	fprintf(f,
		"},\"overwritten\":%llu,\"unreadable\":%llu,\"consumed\":%llu,\"elsewhere\":%llu,\"emitted\":%llu,\"packets\":%llu,\"bytes\":%llu",
		(unsigned long long)a->overwritten, (unsigned long long)a->unreadable,
		(unsigned long long)a->consumed, (unsigned long long)a->elsewhere,
		(unsigned long long)cairn_reader_account_emitted(a), (unsigned long long)a->packets,
		(unsigned long long)a->bytes);
}

void json_total(const struct input *in, const struct survey *s)
{
	printf(",\n\"total\":{");
	json_account(stdout, &s->total);
	printf("},\"lost_no_stream\":%llu,\"refused\":{", (unsigned long long)s->lost_no_stream);
	for (int i = 0; i < CAIRN_NR_REFUSED; i++)
		printf("%s\"%s\":%llu", i ? "," : "", cairn_refused_names[i],
		       (unsigned long long)s->refused[i]);
	printf("},\"faults\":%llu}\n", (unsigned long long)in->damages);
}

void json_cpus(FILE *f, const struct survey *s)
{
	fprintf(f, "\"cpus\":[");
	for (uint32_t i = 0; i < s->nr_cpus; i++) {
		const struct survey_cpu *c = &s->cpus[i];
		const struct cairn_schema *schema = &c->image->schema;
		bool any = false;
		fprintf(f, "%s\n{\"region\":%u,\"cpu\":%u,", i ? "," : "", c->image->index, c->cpu);
		if (c->buffer) {
			fprintf(f, "\"buffer\":");
			json_string(f, c->buffer);
			putc(',', f);
		}
		json_account(f, &c->account);
		fprintf(f, ",\"events\":{");
		for (uint32_t k = 0; k < schema->nr_events; k++) {
			if (!c->events[k])
				continue;
			fprintf(f, "%s", any ? "," : "");
			any = true;
			json_string(f, schema->events[k]->full);
			fprintf(f, ":%llu", (unsigned long long)c->events[k]);
		}
		fprintf(f, "}}");
	}
	fprintf(f, "]");
}

void uuid_text(const uint8_t uuid[16], char out[37])
{
	char *p = out;

	for (int i = 0; i < 16; i++) {
		p += snprintf(p, 4, "%02x", uuid[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*p++ = '-';
	}
	*p = '\0';
}
