package apischema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func checkVolumeIDOrPath(value string) error {
	if strings.HasPrefix(value, "/") {
		return nil
	}
	return checkVolumeID(value)
}

func checkVolumeIDOrQMPath(value string) error {
	if value == "none" || value == "cdrom" {
		return nil
	}
	return checkVolumeIDOrPath(value)
}

func checkHotplugFeatures(value string) error {
	if value == "0" || value == "1" {
		return nil
	}
	for _, feature := range splitList(value) {
		switch feature {
		case "network", "disk", "cpu", "memory", "usb", "cloudinit":
		default:
			return violationf("invalid hotplug feature '%s'", feature)
		}
	}
	return nil
}

var cpuRange = regexp.MustCompile(`^\s*(\d+)(?:-(\d+))?\s*$`)

func checkCPUSet(value string) error {
	for part := range strings.SplitSeq(strings.TrimRight(value, ","), ",") {
		match := cpuRange.FindStringSubmatch(part)
		if match == nil && value != "" || match != nil && match[2] != "" && isBackwards(match[1], match[2]) {
			return violationf("unable to parse cpuset option")
		}
	}
	return nil
}

// isBackwards compares two numbers of any length.
func isBackwards(from, to string) bool {
	from, to = strings.TrimLeft(from, "0"), strings.TrimLeft(to, "0")
	if len(from) != len(to) {
		return len(from) > len(to)
	}
	return from > to
}

// isIndexed reports whether name is one of the bases followed by an index that
// exists.
func isIndexed(name string, bases ...string) bool {
	base := strings.TrimRight(name, "0123456789")
	if !slices.Contains(bases, base) {
		return false
	}
	index, err := strconv.Atoi(name[len(base):])
	return err == nil && index < indexCount[base] && name == base+strconv.Itoa(index)
}

func checkBootDisk(value string) error {
	if isIndexed(value, "ide", "sata", "scsi", "virtio") || value == "efidisk0" || value == "tpmstate0" {
		return nil
	}
	return violationf("invalid boot disk '%s'", value)
}

func checkBootDevice(value string) error {
	if isIndexed(value, "ide", "sata", "scsi", "virtio", "net", "usb", "hostpci") {
		return nil
	}
	return violationf("invalid boot device '%s'", value)
}

var (
	dotSegments = regexp.MustCompile(`/\.\.?/|/\.\.?$|^\.\./`)
	deviceDots  = regexp.MustCompile(`/\.\.?(?:/|$)`)
)

func checkMountPath(value string) error {
	if dotSegments.MatchString(value) {
		return violationf("%s contains illegal character sequences", value)
	}
	return nil
}

func checkDevicePath(value string) error {
	if deviceDots.MatchString(value) || !strings.HasPrefix(value, "/dev/") {
		return violationf("%s is not a valid device path", value)
	}
	return nil
}

// Calendar events follow proxmox-time's grammar. The parts are numbers, ranges,
// repetitions, lists of these, or a star.
var (
	calendarEvent = regexp.MustCompile(`^(?:(?:` + calendarKeyword + `|` +
		calendarDays + `(?: *` + calendarDate + `)?(?: *` + calendarTime + `)?|` +
		calendarDate + `(?: *` + calendarTime + `)?|` + calendarTime + `) *)(?:UTC)?$`)
	calendarRange = regexp.MustCompile(`(\d+)\.\.(\d+)`)

	calendarDate = `(?:` + calendarList(`(?:1?\d{1,3}|2[01]\d\d)`) + `-)?` +
		calendarList(`(?:\d|1[0-2])`) + `-` + calendarList(`(?:[12]?\d|3[01])`)
	calendarTime = `(?:` + calendarList(`(?:1?\d|2[0-3])`) + `:)?` +
		calendarList(`[1-5]?\d`) + `(?::` + calendarList(`[1-5]?\d`) + `)?`
)

const (
	calendarKeyword = `(?:minutely|hourly|daily|weekly|monthly|quarterly|semi-?annually|yearly|annually)`
	calendarDay     = `(?i:mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)`
	calendarDays    = calendarDay + `(?:\.\.` + calendarDay + `)?(?:,` + calendarDay + `(?:\.\.` + calendarDay + `)?)*`
)

func calendarList(number string) string {
	number = `0*` + number
	value := number + `(?:\.\.` + number + `)?(?:/` + number + `)?`
	return `(?:\*(?:/` + number + `)?|` + value + `(?:,` + value + `)*)`
}

func checkCalendarEvent(value string) error {
	valid := calendarEvent.MatchString(value)
	for _, match := range calendarRange.FindAllStringSubmatch(value, -1) {
		valid = valid && !isBackwards(match[1], match[2])
	}
	if !valid {
		return violationf("invalid calendar event '%s' - unable to parse calendar event\n", value)
	}
	return nil
}

// validateCPU holds the rules for a guest's cpu that its keys alone do not
// express. Custom models live in a file of the node and are all accepted.
func validateCPU(cpu map[string]string) error {
	cputype := cpu["cputype"]
	if cputype == "" || cputype == "0" {
		return violationf("CPU is missing cputype")
	}
	if !strings.HasPrefix(cputype, "custom-") && !slices.Contains(cpuModels, cputype) {
		return violationf("Built-in cputype '%s' is not defined (missing 'custom-' prefix?)", cputype)
	}
	for flag := range strings.SplitSeq(cpu["flags"], ";") {
		if flag != "" && !slices.Contains(cpuFlags, flag[1:]) {
			return violation("VM-specific CPU flags must be a subset of: " + strings.Join(cpuFlags, ", "))
		}
	}
	if _, found := cpu["reported-model"]; found {
		return violationf("Property 'reported-model' not allowed in VM-specific CPU config.")
	}
	return nil
}

var cpuFlags = []string{
	"nested-virt", "md-clear", "pcid", "spec-ctrl", "ssbd", "ibpb", "virt-ssbd", "amd-ssbd", "amd-no-ssb",
	"pdpe1gb", "hv-tlbflush", "hv-evmcs", "aes",
}

// cpuModels are the models that some Proxmox VE 8 or 9 knows.
var cpuModels = strings.Fields(`
	host max kvm32 kvm64 qemu32 qemu64 x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4
	486 pentium pentium2 pentium3 coreduo core2duo Conroe Penryn Nehalem Nehalem-IBRS Westmere Westmere-IBRS
	SandyBridge SandyBridge-IBRS IvyBridge IvyBridge-IBRS Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS
	Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS
	Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4
	Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS Skylake-Server-v4 Skylake-Server-v5
	Cascadelake-Server Cascadelake-Server-v2 Cascadelake-Server-noTSX Cascadelake-Server-v4 Cascadelake-Server-v5
	Cooperlake Cooperlake-v2 KnightsMill Icelake-Client Icelake-Client-noTSX Icelake-Server Icelake-Server-noTSX
	Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5 Icelake-Server-v6 Icelake-Server-v7
	SapphireRapids SapphireRapids-v2 SapphireRapids-v3 SapphireRapids-v4
	GraniteRapids GraniteRapids-v2 GraniteRapids-v3 SierraForest SierraForest-v2 SierraForest-v3 ClearwaterForest
	athlon phenom Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5
	EPYC EPYC-IBPB EPYC-v3 EPYC-v4 EPYC-v5 EPYC-Rome EPYC-Rome-v2 EPYC-Rome-v3 EPYC-Rome-v4 EPYC-Rome-v5
	EPYC-Milan EPYC-Milan-v2 EPYC-Milan-v3 EPYC-Genoa EPYC-Genoa-v2 EPYC-Turin`)

// validateRetention refuses keep-all next to a limit.
func validateRetention(keep map[string]string) error {
	limited := false
	for key, value := range keep {
		limited = limited || key != "keep-all" && strings.Trim(value, "+0") != ""
	}
	if limited && keep["keep-all"] == "1" {
		return violationf("keep-all cannot be set together with other options.")
	}
	return nil
}
