/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "base/systemd.h"

static log_sink_fn *log_sink;
static void *log_ctx;

/* Made once with uuidgen; conf/gpupt.catalog explains each. */
static const char *const message_ids[LOG_ID_COUNT] = {
	[LOG_ID_STEP] = "b6c23d758c034aa0b104740e048a0875",
	[LOG_ID_TAKEN] = "24c15ec94b614e538f3999b565695165",
	[LOG_ID_RETURNED] = "5bcc74b1a1804c65b90d7bc2223b4b15",
	[LOG_ID_REFUSED] = "4bcfef0ee13045a0833dfca8f3662b03",
	[LOG_ID_FAILED] = "7956f8a18c124a46a721bda3fa831158",
	[LOG_ID_LEFT] = "0e3e2fd1dfef4469a1a30ec946627777",
	[LOG_ID_STUCK] = "5c5fa5e98e764146ba0b4bc111673ec0",
	[LOG_ID_RESET] = "16d3f9c05a8e403dbcd50d96d01e77f3",
};

const char *log_message_id(enum log_id id)
{
	return message_ids[id];
}

static void add_field(struct iovec *iov, int *n, struct text *t, const char *name, const char *value)
{
	text_addf(t, "%s=%s", name, value);
	iov[*n] = (struct iovec){ .iov_base = t->s, .iov_len = t->len };
	*n += t->r == 0;
}

static void journal_sink(void *ctx, const struct log_entry *entry, const char *message)
{
	const struct systemd *sd = systemd_load();
	struct text field[7] = { 0 };
	struct iovec iov[7];
	char number[16];
	int n = 0;

	if (!sd)
		return;
	add_field(iov, &n, &field[0], "SYSLOG_IDENTIFIER", "gpupt");
	add_field(iov, &n, &field[1], "MESSAGE", message);
	snprintf(number, sizeof(number), "%d", entry->priority);
	add_field(iov, &n, &field[2], "PRIORITY", number);
	if (log_message_id(entry->id))
		add_field(iov, &n, &field[3], "MESSAGE_ID", log_message_id(entry->id));
	snprintf(number, sizeof(number), "%u", entry->vmid);
	if (entry->vmid)
		add_field(iov, &n, &field[4], "GPUPT_VMID", number);
	if (entry->bdf)
		add_field(iov, &n, &field[5], "GPUPT_BDF", entry->bdf);
	if (entry->step)
		add_field(iov, &n, &field[6], "GPUPT_STEP", entry->step);
	sd->journal_sendv(iov, n);
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		text_done(&field[i]);
}

void log_to_journal(void)
{
	log_to(journal_sink, NULL);
}

void log_to(log_sink_fn *sink, void *ctx)
{
	log_sink = sink;
	log_ctx = ctx;
}

static _printf_(2, 0) void log_vwrite(const struct log_entry *entry, const char *fmt, va_list ap)
{
	char message[1024];

	if (!log_sink)
		return;
	vsnprintf(message, sizeof(message), fmt, ap);
	log_sink(log_ctx, entry, message);
}

void log_write(const struct log_entry *entry, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(entry, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	static const struct log_entry debug = { .priority = LOG_DEBUG };
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(&debug, fmt, ap);
	va_end(ap);
}
