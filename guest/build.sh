#!/bin/bash
# Makes a small cloud guest out of the distribution's own packages: nothing is installed, mounted or run as root.
#
#   guest/build.sh WORK_DIR OUT.qcow2      progress: one line a step on standard output
#
# WORK_DIR keeps the downloaded packages from one run to the next.
set -euo pipefail
umask 022
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
# Files in the image belong to root; without root, fakeroot remembers that for mke2fs.
[ "$(id -u)" = 0 ] || [ -n "${FAKEROOTKEY:-}" ] || exec fakeroot -- bash "$0" "$@"
[ "$(uname -m)" = x86_64 ] || { echo "The guest image boots by SYSLINUX, which is for x86_64 only" >&2; exit 1; }

debs=$1/debs out=$2 size_mib=96
mkdir -p "$debs" "$(dirname "$out")"
w=$(mktemp -d "$1/build.XXXXXX"); trap 'rm -rf "$w"' EXIT
step() { echo "guest: $*"; }

# ---- packages -----------------------------------------------------------------------------------------------------
# What apt knows may be nothing, or of a day whose packages the mirror has no more: root can have it look.
refresh() { [ -z "${FAKEROOTKEY:-}" ] && [ "$(id -u)" = 0 ] && step "reading the lists of packages" && apt-get -o Acquire::Retries=3 update -q >/dev/null; }
# Debian's cloud kernel or, on Ubuntu, the one for virtual machines; its modules are a package of their own there.
find_kernel() {
  for meta in linux-image-cloud-amd64 linux-image-virtual; do
    kernel=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^<]*\)$/\1/p' | head -1)
    [ -z "$kernel" ] || return 0
  done
  return 1
}
programs="busybox-static dropbear-bin openssh-sftp-server e2fsprogs util-linux libpam-modules sudo jq"
# shellcheck disable=SC2086
find_packages() {
  find_kernel || return 1
  modules=$(apt-cache depends "$kernel" | sed -n 's/^ *Depends: \(linux-modules-[^<]*\)$/\1/p')
  # Libraries have other names in every release, so they are found by dependency.
  libraries=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $programs \
    | sed -n 's/^\(z\{0,1\}lib[a-z0-9.+-]*\)$/\1/p' | sort -u)
  # One request for all; apt says which of the dependencies are only virtual by having no candidate for them.
  wanted=$(apt-cache policy $kernel $modules $programs $libraries | awk '/^[^ ].*:$/ {name=$1; sub(/:$/, "", name)} $1=="Candidate:" && $2!="(none)" {print name "=" $2}' | sort -u)
}
# shellcheck disable=SC2086
download() {
  local p v missing=
  step "downloading $(echo "$wanted" | wc -l) packages ($kernel)"
  for p in $wanted; do
    v=${p#*=}; v=${v//:/%3a}
    compgen -G "$debs/${p%%=*}_${v}_*.deb" >/dev/null || missing="$missing $p"
  done
  [ -z "$missing" ] || ( cd "$debs" && apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 download -q $missing >/dev/null )
}
find_packages || { refresh && find_packages; } || { echo "No kernel package for virtual machines is known to apt: run apt-get update" >&2; exit 1; }
download || { refresh && find_packages && download; } || exit 1

step "unpacking"
x=$w/x; mkdir -p "$x"/usr/{bin,sbin,lib,lib64}
for d in bin sbin lib lib64; do ln -s "usr/$d" "$x/$d"; done
for p in $wanted; do
  v=${p#*=}; v=${v//:/%3a}
  for deb in "$debs/${p%%=*}_${v}"_*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$x"; done
done
kver=$(ls "$x/usr/lib/modules")

# ---- root file system -----------------------------------------------------------------------------------------------
step "making the root file system"
r=$w/root lib=usr/lib/x86_64-linux-gnu
# /etc/dropbear: where the host keys are made at the first connection; without it every one is cut.
mkdir -p "$r"/{bin,sbin,usr/{bin,sbin,lib,share/udhcpc},lib/x86_64-linux-gnu,lib64,etc/dropbear,dev,proc,sys,run,tmp,mnt,media/configdrive,root,boot,var/{log,lib/guest,spool/cron/crontabs},home/cirros}
ln -s /run "$r/var/run"; ln -s /lib/x86_64-linux-gnu "$r/usr/lib/x86_64-linux-gnu"
cp "$x/usr/bin/busybox" "$r/bin/busybox"
ld=$x/usr/lib64/ld-linux-x86-64.so.2
cp -L "$ld" "$r/lib64/"
# copies a program with the closure of its shared libraries: add SOURCE [DESTINATION]
add() {
  local src=$x/usr/$1 dst=$r${2:-/usr/$1} l
  mkdir -p "$(dirname "$dst")"; cp -L "$src" "$dst"
  "$ld" --library-path "$x/$lib:$x/usr/libexec/sudo" --list "$src" 2>/dev/null | awk '$2=="=>" {print $3}' | while read -r l; do
    case $l in
      "$x"/usr/libexec/sudo/*) ;;
      "$x"/*) [ -e "$r/lib/x86_64-linux-gnu/${l##*/}" ] || cp -L "$l" "$r/lib/x86_64-linux-gnu/" ;;
      *) echo "$1 needs $l, which is in none of the packages" >&2; return 1 ;;
    esac
  done
}
add sbin/dropbear; add bin/dropbearkey; add lib/openssh/sftp-server /usr/lib/sftp-server
add sbin/mke2fs /sbin/mke2fs; add sbin/mkfs /sbin/mkfs; add sbin/resize2fs /sbin/resize2fs; add sbin/e2fsck /sbin/e2fsck
add sbin/blkid /sbin/blkid; add bin/lsblk /bin/lsblk; add bin/jq; add bin/sudo
add libexec/sudo/sudoers.so; add libexec/sudo/libsudo_util.so.0
mkdir -p "$r/lib/x86_64-linux-gnu/security"
for f in pam_permit pam_deny; do cp "$x/$lib/security/$f.so" "$r/lib/x86_64-linux-gnu/security/"; done
for f in ext2 ext3 ext4; do ln -sf mke2fs "$r/sbin/mkfs.$f"; done
cp "$x/etc/mke2fs.conf" "$r/etc/"
# busybox's applets, where there is no real program above
"$x/usr/bin/busybox" --list | while read -r a; do
  case $a in busybox|\[\[|linuxrc|rpm|rpm2cpio|dpkg|dpkg-deb|sh) continue ;; esac
  [ -e "$r/bin/$a" ] || [ -e "$r/sbin/$a" ] || [ -e "$r/usr/bin/$a" ] || [ -e "$r/usr/sbin/$a" ] || ln -s /bin/busybox "$r/usr/bin/$a"
done
ln -s busybox "$r/bin/sh"; ln -s /bin/busybox "$r/linuxrc"
for a in ip ifconfig route udhcpc ping mount umount poweroff reboot halt ls cat su login getty; do ln -sf /bin/busybox "$r/bin/$a"; done
cp -a "$here/overlay/." "$r/"
chown -R 0:0 "$r"
chmod 4755 "$r/usr/bin/sudo" "$r/bin/busybox"   # busybox drops root itself, except in ping, su and login
# A checkout keeps no more of a file's mode than whether it may be run, and its owner's umask.
chmod 0755 "$r"; chmod -R go+rX,go-w "$r/etc" "$r/usr"
chmod 0440 "$r/etc/sudoers"; chmod 0600 "$r/etc/shadow"; chmod 1777 "$r/tmp"; chmod 0700 "$r/root"; chown 1000:1000 "$r/home/cirros"

# ---- kernel, modules and initrd -------------------------------------------------------------------------------------
step "making the initrd"
# busybox's modprobe reads plain modules only; newer releases compress them.
find "$x/usr/lib/modules" -name '*.ko.xz' -exec xz -d {} +
find "$x/usr/lib/modules" -name '*.ko.zst' -exec zstd -q -d --rm {} +
depmod -b "$x" "$kver"
modules_initrd="virtio_pci virtio_blk virtio_scsi sd_mod ata_piix"
modules_root="virtio_net virtio_rng virtio_console virtio_balloon button evdev isofs vfat nls_cp437 nls_ascii nls_iso8859-1 nls_utf8 sr_mod
  8021q vxlan bridge veth tun dm-mod dm-crypt xfs nfs nbd virtiofs vmw_vsock_virtio_transport wireguard"
addmodules() {
  local dest=$1 m f; shift
  mkdir -p "$dest/lib/modules/$kver"
  for m in "$@"; do
    # A module may be built into one release's kernel and absent from another's: both are fine here.
    { modprobe -d "$x" -S "$kver" --show-depends "$m" 2>/dev/null || true; } | awk '$1=="insmod" {print $2}' | while read -r f; do
      f=${f#"$x"}; f=/lib/${f#*/lib/}; mkdir -p "$dest$(dirname "$f")"; cp "$x$f" "$dest$f"
    done
  done
  cp "$x/lib/modules/$kver"/modules.{order,builtin} "$dest/lib/modules/$kver/"
  depmod -b "$dest" "$kver" 2>/dev/null
  rm -f "$dest/lib/modules/$kver"/*.bin
}
# shellcheck disable=SC2086
addmodules "$r" $modules_initrd $modules_root
i=$w/initrd; mkdir -p "$i"/{bin,proc,sys,dev,newroot}; cp "$x/usr/bin/busybox" "$i/bin/"
# shellcheck disable=SC2086
addmodules "$i" $modules_initrd
cp "$here/initrd-init" "$i/init"; chmod 755 "$i/init"; chown -R 0:0 "$i"
( cd "$i" && find . | sort | cpio -o -H newc --quiet ) | lz4 -l -9 -q - > "$w/initrd.lz4"

# ---- disk -----------------------------------------------------------------------------------------------------------
step "making the disk"
# Partition 4 is a small FAT with SYSLINUX, kernel and initrd, first on the disk; partition 1 is the ext4 root, last, so
# that it can grow. GRUB reads the kernel 3 s slower where instructions are emulated.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000} MTOOLS_SKIP_CHECK=1
boot_kib=$(( ($(stat -c %s "$x/boot/vmlinuz-$kver") + $(stat -c %s "$w/initrd.lz4")) / 1024 ))
boot_mib=$(( boot_kib / 1024 + 3 ))
fat=$w/boot.fat; truncate -s "${boot_mib}M" "$fat"; mkfs.fat -F 16 -n GUESTBOOT -i 6c6f7564 -h 2048 -g 255/63 "$fat" >/dev/null
mcopy -i "$fat" "$x/boot/vmlinuz-$kver" ::vmlinuz; mcopy -i "$fat" "$w/initrd.lz4" ::initrd
cat > "$w/syslinux.cfg" <<G
DEFAULT guest
PROMPT 0
LABEL guest
 KERNEL vmlinuz
 INITRD initrd
 APPEND root=LABEL=guest-root console=tty1 console=ttyS0 quiet loglevel=3 mitigations=off nokaslr tsc=reliable random.trust_cpu=on net.ifnames=0 panic=5
G
mcopy -i "$fat" "$w/syslinux.cfg" ::syslinux.cfg
syslinux --install "$fat"
fs=$w/root.ext4; truncate -s "$((size_mib - 1 - boot_mib))M" "$fs"
mke2fs -q -F -t ext4 -b 4096 -L guest-root -m 0 -N 8192 -J size=4 \
  -E "lazy_itable_init=0,lazy_journal_init=0,resize=4194304,root_owner=0:0" -O resize_inode,^metadata_csum_seed -d "$r" "$fs"
disk=$w/disk.raw; truncate -s "${size_mib}M" "$disk"
printf 'label: dos\nlabel-id: 0x6c6f7564\n1: start=%d, type=83\n4: start=2048, size=%d, type=0e, bootable\n' $(((1 + boot_mib) * 2048)) $((boot_mib * 2048)) | sfdisk -q "$disk"
mbr=$(ls /usr/lib/syslinux/mbr/mbr.bin /usr/lib/SYSLINUX/mbr.bin 2>/dev/null | head -1)
dd if="$mbr" of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$fat" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$fs" of="$disk" bs=1M seek=$((1 + boot_mib)) conv=notrunc,sparse status=none
qemu-img convert -c -f raw -O qcow2 "$disk" "$w/guest.qcow2"
mv "$w/guest.qcow2" "$out"
step "done: $(stat -c %s "$out") bytes"
