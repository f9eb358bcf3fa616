package templates

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
)

// What goes into files whose formats know no quoting, such as fstab and apt's, has to fit these.
var (
	validPath     = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)
	validVersion  = regexp.MustCompile(`^[0-9]+(\.[0-9]+){0,2}$`)
	validPackage  = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`) // https://www.debian.org/doc/debian-policy/ch-controlfields.html#source
	validTimezone = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`)
	validLocale   = regexp.MustCompile(`^[A-Za-z]+(_[A-Z]+)?\.[A-Za-z0-9-]+(@[a-z]+)?$`)
	validTime     = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	validHost     = regexp.MustCompile(`^[A-Za-z0-9.:-]+$`)
)

// lastSCSI is the last of Proxmox's scsi0 to scsi30 (https://pve.proxmox.com/pve-docs/qm.conf.5.html).
const lastSCSI = 30

// problems collects every value that cannot be.
type problems []error

func (p *problems) check(ok bool, format string, values ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf(format, values...))
	}
}

func (u UserData) validate() error {
	var p problems
	p.check(slices.Contains([]SudoRule{SudoPasswordless, SudoNone}, u.Sudo), "sudo rule %q: give none, or nothing for all without a password", u.Sudo)
	p.check(u.Timezone == "" || validTimezone.MatchString(u.Timezone), "time zone %q: give a name such as Europe/Vienna", u.Timezone)
	p.check(u.Locale == "" || validLocale.MatchString(u.Locale), "locale %q: give a name such as de_AT.UTF-8", u.Locale)
	p.check(u.SwapMiB >= 0, "swap of %d MiB: give 0 or more", u.SwapMiB)
	for _, name := range u.Packages {
		p.check(validPackage.MatchString(name), "package %q: not a name of a Debian package", name)
	}
	if u.UnattendedUpgrades != nil {
		at := u.UnattendedUpgrades.RebootAt
		p.check(at == "" || validTime.MatchString(at), "reboot at %q: give HH:MM, or nothing for never", at)
	}
	u.TimeSync.validate(&p)
	validateDisks(u.DataDisks, &p)
	u.Docker.validate(&p)
	if u.NodeExporter != nil {
		at := u.NodeExporter.ListenAddress
		p.check(at == "" || isAddress(at), "node exporter listens on %q: give an IP address of the guest, or nothing for all", at)
	}
	u.LogAgent.validate(&p)
	return errors.Join(p...)
}

func (t *TimeSync) validate(p *problems) {
	if t == nil {
		return
	}
	p.check(slices.Contains([]TimeClient{TimeClientDistribution, TimeClientTimesyncd, TimeClientChrony}, t.Client),
		"time client %q: give %s, %s or nothing", t.Client, TimeClientTimesyncd, TimeClientChrony)
	for _, server := range t.Servers {
		p.check(validHost.MatchString(server), "time server %q: give a name or an address", server)
	}
}

func validateDisks(disks []DataDisk, p *problems) {
	numbers, points := map[int]bool{}, map[string]bool{}
	for _, d := range disks {
		p.check(d.SCSI >= 1 && d.SCSI <= lastSCSI, "data disk scsi%d: give 1 to %d", d.SCSI, lastSCSI)
		p.check(validPath.MatchString(d.MountPoint) && path.Clean(d.MountPoint) == d.MountPoint,
			"mount point %q of scsi%d: give an absolute path of letters, digits and . _ -", d.MountPoint, d.SCSI)
		p.check(slices.Contains([]Filesystem{"", FilesystemExt4, FilesystemXFS}, d.Filesystem),
			"file system %q of scsi%d: give %s or %s", d.Filesystem, d.SCSI, FilesystemExt4, FilesystemXFS)
		p.check(!numbers[d.SCSI], "data disk scsi%d is there twice", d.SCSI)
		p.check(!points[d.MountPoint], "mount point %s is there twice", d.MountPoint)
		numbers[d.SCSI], points[d.MountPoint] = true, true
	}
}

func (d *Docker) validate(p *problems) {
	if d == nil {
		return
	}
	for _, version := range []string{d.Version, d.ComposeVersion} {
		checkVersion(p, "Docker", version)
	}
	for _, mirror := range d.RegistryMirrors {
		u, err := url.Parse(mirror)
		p.check(err == nil && isHTTP(u) && u.User == nil && u.RawQuery == "" && u.Fragment == "", "registry mirror %q: give a URL such as https://mirror.home.arpa", mirror)
	}
	p.check(d.DataRoot == "" || validPath.MatchString(d.DataRoot) && path.Clean(d.DataRoot) == d.DataRoot,
		"Docker's data root %q: give an absolute path of letters, digits and . _ -", d.DataRoot)
}

func (a *LogAgent) validate(p *problems) {
	if a == nil {
		return
	}
	_, known := logAgentPrograms[a.Kind]
	p.check(known || a.Kind == "", "log agent %q: give %s or %s", a.Kind, LogAgentAlloy, LogAgentPromtail)
	checkVersion(p, "log agent", a.Version)
	u, err := url.Parse(a.LokiURL)
	p.check(err == nil && isHTTP(u), "Loki's URL: give one such as https://loki.home.arpa/loki/api/v1/push")
	// User-data is stored in plain text, on the node and in Pulumi's state.
	p.check(err != nil || u.User == nil, "Loki's URL holds a user: user-data is no place for a password")
	p.check(a.Stack != "", "log agent: no stack to label the logs with")
}

func checkVersion(p *problems, what, version string) {
	p.check(version == "" || validVersion.MatchString(version), "version %q of %s: give one such as 29, 29.8 or 29.8.2", version, what)
}

func isHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isAddress(s string) bool {
	address, err := netip.ParseAddr(s)
	return err == nil && address.Zone() == ""
}
