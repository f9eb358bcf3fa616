// Package sim is a simulated Proxmox VE cluster on loopback addresses: the HTTPS API, the SSH server of each
// node, and the guests with an SSH server of their own. Programs that automate Proxmox VE can be run against it
// without a hypervisor.
//
// The package is divided by subject: wire.go speaks HTTP as pveproxy does, routes.go lists every call that is
// known, access.go and permissions.go hold users, tokens and privileges, tasks.go the workers, storage.go the
// volumes, qemu*.go and lxc*.go the guests, boot.go what happens when a guest runs, guest*.go what a running guest
// answers over SSH (commands, files, forwarded ports), systemdisk.go what it keeps on its disk, composeapi.go what a
// test sees and changes of its Compose projects, ssh.go and sftp.go the nodes' shells, faults.go what a test breaks,
// page.go what a person looks at.
//
// Nothing is virtualised: a disk is a name, a size and a tree of files (package filetree), and a running guest is an
// SSH server that answers a few commands; its Docker is that of package docker.
package sim
