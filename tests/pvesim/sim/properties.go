package sim

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// properties is a parsed property string such as "local-lvm:vm-100-disk-0,size=3G".
type properties map[string]string

// parseProperties reads a property string; an item without "=" is the value of defaultKey. Empty items, which
// clients leave behind with a trailing comma, are ignored.
func parseProperties(text, defaultKey string) properties {
	p := properties{}
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			continue
		}
		key, value, found := strings.Cut(item, "=")
		if !found {
			key, value = defaultKey, item
		}
		p[key] = value
	}
	return p
}

// String prints defaultKey's value first and without its key, then the others in alphabetical order, as Proxmox
// VE does.
func (p properties) String(defaultKey string) string {
	keys := make([]string, 0, len(p))
	for key := range p {
		if key != defaultKey {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	var items []string
	if value, found := p[defaultKey]; found {
		items = append(items, value)
	}
	for _, key := range keys {
		items = append(items, key+"="+p[key])
	}
	return strings.Join(items, ",")
}

var (
	netKey    = regexp.MustCompile(`^net\d+$`)
	driveKey  = regexp.MustCompile(`^(ide|sata|scsi|virtio)\d+$|^efidisk0$|^tpmstate0$`)
	unusedKey = regexp.MustCompile(`^unused\d+$`)
	mountKey  = regexp.MustCompile(`^(rootfs|mp\d+)$`)
	sizeText  = regexp.MustCompile(`^(\d+(?:\.\d+)?)([KMGT]?)$`)

	nicModels = []string{"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "e1000-82540em", "i82551", "ne2k_pci", "pcnet"}
)

// parseNIC reads a VM's network device in either form, "model=virtio,..." or "virtio=MAC,...".
func parseNIC(text string) properties {
	p := parseProperties(text, "model")
	for _, model := range nicModels {
		if mac, found := p[model]; found {
			delete(p, model)
			p["model"], p["macaddr"] = model, mac
		}
	}
	return p
}

// printNIC prints the form in which Proxmox VE stores a VM's network device.
func printNIC(p properties) string {
	rest := properties{}
	for key, value := range p {
		if key != "model" && key != "macaddr" {
			rest[key] = value
		}
	}
	rest[""] = p["model"] + "=" + strings.ToUpper(p["macaddr"])
	return rest.String("")
}

// macAddress is stable for a guest's device and lies in Proxmox's range.
func macAddress(vmid int, key string) string {
	index, err := strconv.Atoi(strings.TrimLeft(key, "net"))
	if err != nil {
		index = 0
	}
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", (vmid>>16&0xf)<<4|index&0xf, vmid>>8&0xff, vmid&0xff)
}

// parseSize reads 21474836480, 20G or 512M as bytes.
func parseSize(text string) (int64, error) {
	m := sizeText.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("unable to parse size '%s'", text)
	}
	number, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("unable to parse size '%s'", text)
	}
	shift := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[m[2]]
	return int64(number * float64(int64(1)<<shift)), nil
}

// formatSize prints bytes with the largest unit that divides them.
func formatSize(sizeBytes int64) string {
	for _, unit := range []struct {
		name  string
		shift uint
	}{{"T", 40}, {"G", 30}, {"M", 20}, {"K", 10}} {
		if sizeBytes > 0 && sizeBytes%(int64(1)<<unit.shift) == 0 {
			return strconv.FormatInt(sizeBytes>>unit.shift, 10) + unit.name
		}
	}
	return strconv.FormatInt(sizeBytes, 10)
}

// normalBool turns Proxmox's ways to write a boolean into 1 or 0 and leaves other text alone.
func normalBool(text string) string {
	switch strings.ToLower(text) {
	case "1", "true", "yes", "on":
		return "1"
	case "0", "false", "no", "off":
		return "0"
	}
	return text
}

func isTrue(text string) bool { return normalBool(text) == "1" }

// splitList reads a list that is separated by commas, semicolons or blanks.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\x00' || r == '\n' })
}
