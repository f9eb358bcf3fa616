// Package templates holds every file that reaches a guest, rendered with text/template.
package templates

import (
	"fmt"
	"slices"
)

// UserData is what a VM's first boot needs to know. Custom user-data replaces all that Proxmox
// would otherwise generate, so the host name, the user and its keys are here too
// (https://pve.proxmox.com/wiki/Cloud-Init_Support#_custom_cloud_init_configuration).
// What is left out stays as the image has it.
type UserData struct {
	Hostname string
	// FQDN is optional; without it the host has no domain.
	FQDN string
	// Username is created with a locked password and SSHPublicKeys.
	Username      string
	SSHPublicKeys []string
	// Sudo is what Username may do as root; the default is everything, without a password.
	Sudo SudoRule
	// HardenSSH refuses passwords and root over SSH. TCP forwarding to the guest's own ports stays.
	HardenSSH bool
	// GuestAgent installs and starts qemu-guest-agent, through which Proxmox shuts the guest
	// down, freezes its file systems for a backup and learns its addresses.
	GuestAgent bool

	// Timezone is a name of the tz database, such as Europe/Vienna.
	Timezone string
	// Locale is a name of locale(7) with its encoding, such as de_AT.UTF-8.
	Locale string
	// Packages are installed besides those that the other fields need.
	Packages []string
	// UnattendedUpgrades installs security updates by itself.
	UnattendedUpgrades *UnattendedUpgrades
	TimeSync           *TimeSync
	// SwapMiB is the size of the swap file /swapfile; 0 means none.
	SwapMiB int
	// GrowRoot lets the root file system fill its disk, at each boot.
	GrowRoot  bool
	DataDisks []DataDisk

	Docker       *Docker
	NodeExporter *NodeExporter
	LogAgent     *LogAgent
}

// SudoRule is what a guest's user may do as root.
type SudoRule string

const (
	// SudoPasswordless is everything: the password is locked, so none could be asked for.
	SudoPasswordless SudoRule = ""
	// SudoNone is nothing. Root is then reached through Proxmox's console or guest agent only, and
	// a ComposeProject cannot deploy to the guest.
	SudoNone SudoRule = "none"
)

// part is what one purpose adds to the first boot.
type part struct {
	packages []string
	files    []File
	// steps are commands, run in order after packages are installed. One that fails does not keep
	// the others from running; the first boot as a whole then failed.
	steps [][]string
}

// File is a file that a first boot writes.
type File struct {
	Path string
	// Mode is octal, such as 0644.
	Mode    string
	Content string
}

// swapFile is cloud-init's and systemd's usual place.
const swapFile = "/swapfile"

// Render returns the cloud-config document, or an error that names every value that cannot be.
func (u UserData) Render() (string, error) {
	p, err := u.firstBoot()
	if err != nil {
		return "", err
	}
	return render("cloud-init/user-data.yaml.tmpl", struct {
		UserData
		SwapFile      string
		AllPackages   []string
		Files         []File
		Steps         [][]string
		Unprivileged  bool
		SwapSizeBytes int
	}{u, swapFile, p.packages, p.files, p.steps, u.Sudo == SudoNone, u.SwapMiB << 20})
}

// Files are the files that the first boot writes.
func (u UserData) Files() ([]File, error) {
	p, err := u.firstBoot()
	return p.files, err
}

func (u UserData) firstBoot() (part, error) {
	if err := u.validate(); err != nil {
		return part{}, err
	}
	var all part
	if u.GuestAgent {
		all.packages = append(all.packages, "qemu-guest-agent")
	}
	for _, build := range []func() (part, error){
		u.sshPart, u.upgradesPart, u.dataDisksPart, u.dockerPart, u.nodeExporterPart, u.logAgentPart,
	} {
		p, err := build()
		if err != nil {
			return part{}, err
		}
		all.packages = append(all.packages, p.packages...)
		all.files = append(all.files, p.files...)
		all.steps = append(all.steps, p.steps...)
	}
	all.packages = append(all.packages, u.Packages...)
	all.packages = unique(all.packages)
	return all, all.addScripts()
}

func unique(names []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// add renders a template into a file that everybody may read.
func (p *part) add(path, template string, data any) error {
	content, err := render(template, data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	p.files = append(p.files, File{Path: path, Mode: "0644", Content: content})
	return nil
}
