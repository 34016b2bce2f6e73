/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "tests/fake/option_rom.h"

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, unsigned int v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

void option_rom_sum(struct option_rom *rom, size_t offset)
{
	uint8_t *image = rom->v + offset;
	size_t n = image[2] * 512u;
	uint8_t sum = 0;

	image[n - 1] = 0;
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + image[i]);
	image[n - 1] = (uint8_t)-sum;
}

void option_rom_add(struct option_rom *rom, uint8_t code, struct pci_id id, unsigned int units, bool last)
{
	uint8_t *image = rom->v + rom->len, *pcir = image + OPTION_ROM_PCIR;

	if (rom->len + units * 512 > sizeof(rom->v))
		abort();
	memset(image, 0, units * 512);
	image[0] = 0x55;
	image[1] = 0xaa;
	image[2] = (uint8_t)units;
	if (code == ROM_EFI)
		put32(image + 4, 0x0ef1);
	put16(image + 0x18, OPTION_ROM_PCIR);
	memcpy(pcir, "PCIR", 4);
	put16(pcir + 4, id.vendor);
	put16(pcir + 6, id.device);
	put16(pcir + 0x0a, 0x18);
	put16(pcir + 0x10, units);
	pcir[0x14] = code;
	pcir[0x15] = last ? 0x80 : 0;
	memcpy(image + 0x80, "made up", 7);
	option_rom_sum(rom, rom->len);
	rom->len += units * 512;
}

void option_rom_vfct(struct option_rom *table, struct bdf b, struct pci_id id, const struct option_rom *image)
{
	uint8_t *h;

	if (table->len == 0) {
		memset(table->v, 0, 0x4c);
		memcpy(table->v, "VFCT", 4);
		put32(table->v + 0x34, 0x4c);
		table->len = 0x4c;
	}
	if (table->len + 28 + image->len > sizeof(table->v))
		abort();
	h = table->v + table->len;
	put32(h, b.bus);
	put32(h + 4, b.dev);
	put32(h + 8, b.fn);
	put16(h + 12, id.vendor);
	put16(h + 14, id.device);
	put16(h + 16, id.subvendor);
	put16(h + 18, id.subdevice);
	put32(h + 20, 1);
	put32(h + 24, (unsigned int)image->len);
	memcpy(h + 28, image->v, image->len);
	table->len += 28 + image->len;
	put32(table->v + 4, (unsigned int)table->len);
}

void option_rom_hide(struct fake *f, const char *bdf, const struct option_rom *rom)
{
	char path[PATH_MAX], name[64];
	FILE *out;

	snprintf(name, sizeof(name), "rom/%s", bdf);
	fake_hide(f, name, ""); /* its directory */
	out = fopen(fake_hidden_path(f, path, "rom/%s", bdf), "we");
	if (!out || fwrite(rom->v, 1, rom->len, out) != rom->len || fclose(out) != 0)
		abort();
}

struct fake *option_rom_machine(struct option_rom *ret)
{
	struct option_rom one = { 0 }, table = { 0 };
	struct fake *f = fake_machine();

	*ret = (struct option_rom){ 0 };
	option_rom_add(ret, ROM_X86, OPTION_ROM_ID, 1, false);
	option_rom_add(ret, ROM_EFI, OPTION_ROM_ID, 2, true);
	option_rom_add(&one, ROM_X86, OPTION_ROM_ID, 1, false);
	option_rom_vfct(&table, fake_bdf(CARD), OPTION_ROM_ID, &one);
	option_rom_hide(f, CARD, ret);
	fake_put(f, "/sys/bus/pci/devices/" CARD "/rom", "");
	fake_put_bytes(f, "/sys/firmware/acpi/tables/VFCT", table.v, table.len);
	fake_mkdir(f, "/usr/share/kvm");
	return f;
}
