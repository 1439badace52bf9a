#!/bin/sh
# Makes a bootable test machine of the Debian tree $1: people, network, ssh, a small initial RAM disk.
# mmdebstrap calls it as root at the end of its work; $2 is the public key that may log in as root.
set -eu
tree=$1 key=$2

echo gpubox >"$tree/etc/hostname"
printf '127.0.0.1 localhost gpubox\n' >"$tree/etc/hosts"
# The addresses of QEMU's own little network.
printf '[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n' >"$tree/etc/systemd/network/10-e.network"
mkdir -p -m 700 "$tree/root/.ssh"
cp "$key" "$tree/root/.ssh/authorized_keys"
printf 'UseDNS no\nPrintMotd no\n' >"$tree/etc/ssh/sshd_config.d/quick.conf"

chroot "$tree" useradd -m -s /bin/bash user1
chroot "$tree" useradd -m -s /bin/bash user2
chroot "$tree" groupadd lab
chroot "$tree" usermod -aG lab user1
chroot "$tree" systemctl -q enable systemd-networkd
# Nothing wakes up during a test but what the test is about.
chroot "$tree" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer dpkg-db-backup.timer systemd-networkd-wait-online.service getty@tty1.service

# Stand for cards at every boot: numbers of the NVIDIA driver, without a driver. Who may open one is told that there is
# no such device, who may not that it is not permitted.
printf 'c /dev/nvidia%s 0666 root root - 195:%s\n' 0 0 1 1 ctl 255 >"$tree/etc/tmpfiles.d/cards.conf"

# In Debian's cloud kernel ext4 is built in, the virtual disk is not.
printf 'MODULES=list\nBUSYBOX=auto\nCOMPRESS=gzip\nDEVICE=\nNFSROOT=auto\nRUNSIZE=10%%\nFSTYPE=ext4\n' \
  >"$tree/etc/initramfs-tools/initramfs.conf"
printf 'virtio_pci\nvirtio_mmio\nvirtio_blk\next4\n' >"$tree/etc/initramfs-tools/modules"
chroot "$tree" update-initramfs -u >/dev/null
