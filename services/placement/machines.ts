/** What machines hosts can make, by the names of os-traits; and what of that an image or a flavor asks for. */

type Specs = Readonly<Record<string, string>>;

const named = (prefix: string, names: string) => names.split(' ').map((name) => `${prefix}_${name}`);

/** nova/virt/libvirt/driver.py, _get_storage_bus_traits, _get_video_model_traits, _get_vif_model_traits */
const qemu = [
  'COMPUTE_NODE',
  ...named('COMPUTE_STORAGE_BUS', 'IDE SATA SCSI USB VIRTIO'),
  ...named('COMPUTE_GRAPHICS_MODEL', 'BOCHS CIRRUS NONE QXL VGA VIRTIO'),
  ...named('COMPUTE_NET_VIF_MODEL', 'E1000 E1000E NE2K_PCI PCNET RTL8139 VIRTIO VMXNET3'),
  ...named('COMPUTE_FIRMWARE', 'BIOS UEFI'),
  'COMPUTE_SECURITY_UEFI_SECURE_BOOT',
];

/** By what kind of machines a host says that it makes. Of a partner's it is known that they are usual ones. */
export const machineTraits: Readonly<Record<string, readonly string[]>> = {
  qemu,
  simulated: qemu,
  openstack: ['COMPUTE_NODE', 'COMPUTE_STORAGE_BUS_VIRTIO', 'COMPUTE_NET_VIF_MODEL_VIRTIO', 'COMPUTE_GRAPHICS_MODEL_VGA', 'COMPUTE_GRAPHICS_MODEL_VIRTIO', 'COMPUTE_FIRMWARE_BIOS'],
};

/** nova/scheduler/request_filter.py, transform_image_metadata; nova/scheduler/utils.py, ResourceRequest */
const byProperty: Readonly<Record<string, string>> = {
  hw_cdrom_bus: 'COMPUTE_STORAGE_BUS',
  hw_disk_bus: 'COMPUTE_STORAGE_BUS',
  hw_video_model: 'COMPUTE_GRAPHICS_MODEL',
  hw_vif_model: 'COMPUTE_NET_VIF_MODEL',
  hw_emulation_architecture: 'COMPUTE_ARCH',
  hw_firmware_type: 'COMPUTE_FIRMWARE',
  hw_viommu_model: 'COMPUTE_VIOMMU_MODEL',
  hw_sound_model: 'COMPUTE_SOUND_MODEL',
  hw_usb_model: 'COMPUTE_USB_MODEL',
  hw_tpm_version: 'COMPUTE_SECURITY_TPM',
};

export function traitsOfMachine(extraSpecs: Specs, image: Specs): string[] {
  const asked = new Map(Object.entries(image).filter(([name]) => name in byProperty));
  for (const name of Object.keys(byProperty)) {
    const flavors = extraSpecs[name.replace('hw_', 'hw:')];
    if (flavors !== undefined) asked.set(name, flavors);
  }
  const traits = [...asked].filter(([name, value]) => !(name === 'hw_usb_model' && value === 'none')).map(([name, value]) => `${byProperty[name]}_${value.replaceAll(/[-.]/g, '_').toUpperCase()}`);
  const isSaid = (flavors: string, images: string) => /^(1|t|true|on|y|yes)$/i.test(extraSpecs[flavors] ?? image[images] ?? '');
  if ((extraSpecs['os:secure_boot'] ?? image['os_secure_boot']) === 'required') traits.push('COMPUTE_SECURITY_UEFI_SECURE_BOOT');
  if (isSaid('hw:virtio_packed_ring', 'hw_virtio_packed_ring')) traits.push('COMPUTE_NET_VIRTIO_PACKED');
  if (isSaid('hw:firmware_stateless', 'hw_firmware_stateless')) traits.push('COMPUTE_SECURITY_STATELESS_FIRMWARE');
  if (isSaid('hw:mem_encryption', 'hw_mem_encryption')) traits.push('HW_CPU_X86_AMD_SEV');
  return traits;
}
