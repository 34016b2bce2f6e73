/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a capture takes: this table, and what Proxmox VE's files and the processes that hold cards add to it. Nothing else is opened.
 * Never read: sriov_numvfs and uevent, which wait for the device's lock, and vpd, which has serial numbers.
 */
#include "helper/capture_row.h"
#include "host/nvidia_files.h"

#define KIB (1024)
#define MIB (1024 * 1024)
#define PCI "/sys/bus/pci/devices/>*"

const struct capture_row capture_rows[] = {
	{ COPY, PCI, "vendor device subsystem_vendor subsystem_device class revision irq modalias boot_vga power_state power/control "
		     "power/runtime_status d3cold_allowed reset_method sriov_totalvfs numa_node driver_override", 4 * KIB },
	{ COPY, PCI, "resource", 16 * KIB },
	{ LINK, PCI, "driver iommu_group physfn virtfn[0-9]* subsystem" },
	{ STUB, PCI, "reset rom remove rescan pci_bus/* mdev_supported_types nvidia" },
	/* the numbers of nodes: where lib/host/nodes.c looks */
	{ COPY, PCI, "drm/*/dev drm/*/*/drm_dp_aux*/dev drm/*/*/i2c-*/i2c-dev/*/dev drm_dp_aux_dev/*/dev virtio*/drm/*/dev accel/*/dev "
		     "graphics/*/dev virtio*/graphics/*/dev sound/*/*/dev i2c-*/i2c-dev/*/dev vfio-dev/*/dev", 64 },
	{ STUB, "/sys/bus/pci", "drivers_probe" },
	{ COPY, "/sys/bus/pci", "drivers_autoprobe", 64 },
	{ STUB, "/sys/bus/pci/drivers/*", "bind unbind new_id remove_id" },
	{ LINK, "/sys/bus/pci/drivers/*", "module [0-9a-f]*:[0-9a-f]*:*" },
	{ LINK, "/sys/module/*/drivers", "pci:*" },
	{ STUB, "/sys/module", "*" },
	{ COPY, "/sys/module/kvm/parameters", "ignore_msrs", 64 },
	{ COPY, "/sys/module/vfio_iommu_type1/parameters", "allow_unsafe_interrupts", 64 },
	{ COPY, "/sys/module/vfio_pci/parameters", "disable_idle_d3", 64 },
	{ STUB, "/sys/kernel", "iommu_groups" },
	{ COPY, "/sys/kernel/iommu_groups/*", "type name", 256 },
	{ LINK, "/sys/kernel/iommu_groups/*/devices", "*" },
	{ STUB, "/sys/class", "iommu iommu/*" },
	{ STUB, "/sys/firmware", "efi acpi/tables" },
	/* the tables have serial numbers in them */
	{ STUB, "/sys/firmware/acpi/tables", "DMAR IVRS IORT VFCT" },
	{ COPY, "/sys/firmware/efi/efivars", "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", 64 },
	{ COPY, "/sys/firmware/efi/efivars", "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", 4 * KIB },
	{ COPY, "/sys/class/vtconsole/>*", "name bind", 256 },
	{ COPY, "/sys/class/graphics/>fb[0-9]*", "name", 256 },
	{ LINK, "/sys/bus/platform/devices/>*-framebuffer*", "driver" },
	{ COPY, "/sys/class/vfio/>*", "dev", 64 },
	{ COPY, "/sys/class/kfd/>kfd", "dev", 64 },

	/* what the host runs on: kinds and numbers */
	{ COPY, "/sys/class/block/>*", "dev partition dm/name", 256 },
	{ LINK, "/sys/class/block/>*/holders", "*" },
	{ STUB, "/sys/class/block/>*", "holders" },
	{ COPY, "/run/udev/data", "b[0-9]*:[0-9]*", 64 * KIB, mask_udev },
	{ STUB, "/sys/fs/btrfs/*/devices", "*" },
	{ LINK, "/sys/class/net/>*", "master upper_*" },
	{ AS_IS, "/proc/self", "mountinfo", 16 * MIB, mask_mountinfo },
	{ AS_IS, "/proc/net", "route", 16 * MIB, mask_route },
	{ AS_IS, "/proc/net", "ipv6_route", 16 * MIB, mask_route6 },
	{ AS_IS, "/proc/net", "unix", 64 * MIB, mask_sockets },
	{ COPY, "/proc", "swaps fb devices", 1 * MIB },
	{ COPY, "/proc", "iomem", 4 * MIB },
	{ COPY, "/proc", "cmdline", 64 * KIB, mask_cmdline },
	{ COPY, "/proc/sys/kernel", "osrelease", 256 },
	{ COPY, "/proc/driver/nvidia/gpus/*", "information", 64 * KIB, mask_nvidia },
	{ COPY, "/>lib/modules/%", "modules.alias", 32 * MIB, mask_aliases },
	{ COPY, "/>lib/modules/*", "modules.dep modules.builtin", 32 * MIB, mask_kmods },
	{ COPY, "/etc/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/run/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/usr/local/lib/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/>lib/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/usr/lib/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/etc", "os-release", 16 * KIB },

	/* what loads at boot, and which drivers others chose. An empty file in /etc hides one in /usr/lib, so that those stay. */
	{ COPY, "/etc", "modules modules-load.d/*.conf initramfs-tools/modules", 1 * MIB, mask_modules },
	{ COPY, "/run/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ COPY, "/usr/local/lib/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ COPY, "/>lib/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ COPY, "/usr/lib/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	/* of our own it is enough that it is there */
	{ COPY, "/etc/initramfs-tools/hooks", "gpupt", 64 * KIB, mask_all },
	{ GREP, "/etc/initramfs-tools/hooks", "*", 1 * MIB, mask_inithook },
	{ GREP, "/usr/share/initramfs-tools/hooks", "*", 1 * MIB, mask_inithook },
	{ GREP, "/etc/initramfs-tools/scripts", "* */*", 1 * MIB, mask_initscript },
	{ STUB, "/etc/udev/rules.d", "05-driverctl.rules" },
	{ STUB, "/>lib/udev/rules.d", "05-driverctl.rules" },
	{ STUB, "/usr/lib/udev/rules.d", "05-driverctl.rules" },
	{ COPY, "/etc/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ COPY, "/run/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ COPY, "/usr/local/lib/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ GREP, "/>lib/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ GREP, "/usr/lib/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ STUB, "/>lib/udev/rules.d", NVIDIA_RULE_NAMES },
	{ STUB, "/usr/lib/udev/rules.d", NVIDIA_RULE_NAMES },
	/* NVIDIA's: that they are there is what counts, and a link that masks one */
	{ LINK, "/etc/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/etc/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/run/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/usr/local/lib/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/usr/lib/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/>lib/systemd/system", NVIDIA_UNIT_NAMES },
	{ COPY, "/etc/driverctl.d", "pci-*", 4 * KIB, mask_driverctl },
	{ COPY, "/etc/default", "grub grub.d/*.cfg", 1 * MIB, mask_grub },
	{ LINK, "/>bin", "sh" },
	{ COPY, "/etc/kernel", "cmdline", 1 * MIB, mask_first_line },
	{ COPY, "/etc/kernel", "proxmox-boot-uuids", 1 * MIB, mask_esps },

	/* what the next boot finds, with each kernel */
	{ COPY, "/boot", "config-*", 4 * MIB, mask_kconfig },
	{ STUB, "/boot", "vmlinuz-* initrd.img-*" },
	{ COPY, "/boot/grub", "grub.cfg", 4 * MIB, mask_grub_menu },
	{ COPY, "/boot/grub", "grubenv", 64 * KIB, mask_grub_env },
	{ COPY, "/etc/kernel", "proxmox-boot-pin next-boot-pin proxmox-boot-manual-kernels", 64 * KIB, mask_releases },
	{ STUB, "/sys/firmware/efi/efivars", "LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" },
	{ STUB, "/sys/firmware/efi/efivars", "LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" },
	/* without those that have the machine's id in their names */
	{ COPY, "/>efi/loader", "entries/proxmox-*.conf entries/debian-*.conf", 1 * MIB, mask_boot_entry },
	{ COPY, "/boot/efi/loader", "entries/proxmox-*.conf entries/debian-*.conf", 1 * MIB, mask_boot_entry },
	{ COPY, "/boot/loader", "entries/proxmox-*.conf entries/debian-*.conf", 1 * MIB, mask_boot_entry },
	{ COPY, "/>efi/loader", "loader.conf", 64 * KIB, mask_loader_conf },
	{ COPY, "/boot", "efi/loader/loader.conf loader/loader.conf", 64 * KIB, mask_loader_conf },
	{ STUB, "/>lib/modules", "* */build" },
	{ MODULE, "/>lib/modules/*/updates/dkms", "*.ko*" },
	{ LINK, "/var/lib/dkms/*", "kernel-*" },
	{ STUB, "/var/lib/dkms/*/*", "source */*/module/*.ko*" },
	{ COPY, "/etc/initramfs-tools", "scripts/init-top/gpupt", 64 * KIB, mask_all },
	{ COPY, "/etc/systemd/system/nvidia*.service.d", "gpupt.conf", 64 * KIB, mask_all },

	/* Proxmox VE's, as far as no names are to be changed, and our own */
	{ COPY, "/etc/pve/mapping", "pci.cfg", 1 * MIB, mask_mapping },
	{ COPY, "/etc/pve", "storage.cfg", 1 * MIB, mask_storage },
	{ COPY, "/etc/pve/ha", "resources.cfg", 1 * MIB, mask_ha },
	{ COPY, "/run/qemu-server", "pci-id-reservations", 1 * MIB },
	{ COPY, "/run/qemu-server", "[0-9]*.pid", 64 },
	{ STUB, "/run/qemu-server", "[0-9]*.reboot" },
	{ STUB, "/", "run/qemu-server dev/vfio" },
	/* ROMs are their makers' */
	{ STUB, "/", "usr/share/kvm usr/share/kvm/vbios_*.bin" },
	{ STUB, "/var/lib/lxc/[0-9]*", "reboot" },
	{ COPY, "/run/gpupt/*", "*", 1 * MIB, mask_boot_id },
	{ COPY, "/var/lib/gpupt/*", "*", 1 * MIB, mask_boot_id },
	{ COPY, "/etc/gpupt", "gpupt.conf", 1 * MIB, mask_settings },
	{ COPY, "/etc/gpupt", "known-cards", 1 * MIB, mask_known },
	{ COPY, DATADIR "/gpupt", "known-cards", 1 * MIB, mask_known },
	{ COPY, "/usr/share/gpupt", "snippet", 64 * KIB },
	{ LINK, "/dev/dri/by-path", "*" },
	{ LINK, "/dev/snd/by-path", "*" },
};

const size_t capture_n_rows = ARRAY_SIZE(capture_rows);
