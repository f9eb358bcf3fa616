package preflight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pve-home/pve-home/stacks/config"
)

// systemDisk is where the program expects the disk of a VM, and so that of its template.
const systemDisk = "scsi0"

var (
	diskSize  = regexp.MustCompile(`(?:^|,)size=(\d+)([KMGT]?)`)
	diskDrive = regexp.MustCompile(`^(?:ide|sata|scsi|virtio)\d+$`)
)

type template struct {
	vmid int
	node string
}

// templates looks at what VMs are cloned from. What only VMs that exist were cloned from may be gone.
func (s *state) templates(ctx context.Context) []Finding {
	if _, err := s.inventory(ctx); err != nil {
		return []Finding{s.failed(err)}
	}
	clones := map[template][]config.VM{}
	for _, v := range s.cfg.VMs {
		if t := (template{v.TemplateID, v.TemplateNode}); !s.exists(v.VMID, v.Name) {
			clones[t] = append(clones[t], v)
		}
	}
	var problems []Finding
	for _, t := range slices.SortedFunc(maps.Keys(clones), func(a, b template) int { return cmp.Compare(a.vmid, b.vmid) }) {
		problems = append(problems, s.template(ctx, t, clones[t])...)
	}
	return findings(problems, "%d in use, fit for the VMs that do not exist yet", len(clones))
}

func (s *state) template(ctx context.Context, t template, clones []config.VM) []Finding {
	there, exists := s.guests[t.vmid]
	choose := fmt.Sprintf("Set nodes.%s.templateId to the VMID of a cloud-init template there", t.node)
	switch {
	case !exists:
		return []Finding{fail(choose+". The token sees those that it may read (VM.Audit)", "there is no template with VMID %d on node %s, from which %s is to be cloned", t.vmid, t.node, clones[0].Name)}
	case there.Node != t.node:
		return []Finding{fail(choose, "the template with VMID %d is on node %s, not on %s", t.vmid, there.Node, t.node)}
	case there.Type != "qemu" || there.Template == 0:
		return []Finding{fail(choose+fmt.Sprintf(", or make it one: qm template %d", t.vmid), "VMID %d is no template but %s", t.vmid, there)}
	}
	options, err := s.client.Config(ctx, there)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	disk, _ := options[systemDisk].(string)
	size := diskSize.FindStringSubmatch(disk)
	if size == nil {
		return []Finding{fail("Attach its system disk there, or use another template", "template %d has no disk %s", t.vmid, systemDisk)}
	}
	var problems []Finding
	for _, v := range clones {
		if mib := sizeMiB(size); mib > v.DiskGiB<<10 {
			problems = append(problems, fail(fmt.Sprintf("Set vms.%s.diskGiB to at least %d", v.Name, (mib+1<<10-1)>>10),
				"the disk of template %d, %d MiB, is bigger than that of %s, %d GiB, and Proxmox cannot shrink it", t.vmid, mib, v.Name, v.DiskGiB))
		}
	}
	if !hasCloudInitDrive(options) {
		problems = append(problems, warn(fmt.Sprintf("If its image holds cloud-init all is well; the drive comes with: qm set %d --ide2 <datastore>:cloudinit", t.vmid),
			"template %d has no cloud-init drive: a VM without cloud-init gets neither address nor user", t.vmid))
	}
	wantsAgent := slices.ContainsFunc(clones, func(v config.VM) bool { return v.Agent })
	if wantsAgent && !agentUsed(fmt.Sprint(options["agent"])) {
		problems = append(problems, warn(fmt.Sprintf("If its image holds qemu-guest-agent, say so: qm set %d --agent 1; otherwise its first boot installs it", t.vmid),
			"template %d does not use the guest agent", t.vmid))
	}
	return problems
}

// agentUsed reads the option agent, in which `enabled=` may be left out.
func agentUsed(option string) bool {
	first, _, _ := strings.Cut(option, ",")
	return first == "1" || slices.Contains(strings.Split(option, ","), "enabled=1")
}

// sizeMiB rounds up.
func sizeMiB(size []string) int {
	n, _ := strconv.Atoi(size[1])
	switch size[2] {
	case "T":
		return n << 20
	case "G":
		return n << 10
	case "M":
		return n
	case "K":
		return (n + 1023) >> 10
	}
	return (n + 1<<20 - 1) >> 20
}

func hasCloudInitDrive(options map[string]any) bool {
	for key, value := range options {
		if text, isText := value.(string); isText && diskDrive.MatchString(key) && strings.Contains(text, "cloudinit") {
			return true
		}
	}
	return false
}

// containerTemplates looks for the templates of the containers that do not exist yet.
func (s *state) containerTemplates(ctx context.Context) []Finding {
	if _, err := s.inventory(ctx); err != nil {
		return []Finding{s.failed(err)}
	}
	wanted := map[[2]string]string{} // node and volume, a container
	for _, c := range s.cfg.Containers {
		if !s.exists(c.VMID, c.Name) && slices.Contains(s.online, c.Node) {
			wanted[[2]string{c.Node, c.Template}] = c.Name
		}
	}
	var problems []Finding
	for _, w := range slices.SortedFunc(maps.Keys(wanted), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		node, volume := w[0], w[1]
		datastore, file, _ := strings.Cut(volume, ":")
		if len(use{node: node, datastore: datastore, content: "vztmpl"}.check(s.stores[node])) > 0 {
			problems = append(problems, skipped("datastore %s of node %s: see the check %s", datastore, node, Datastores))
			continue
		}
		there, err := s.client.Volumes(ctx, node, datastore, "vztmpl")
		if err != nil {
			problems = append(problems, s.failed(err))
			continue
		}
		if !slices.Contains(there, volume) {
			problems = append(problems, fail("Run on node "+node+": pveam update && pveam download "+datastore+" "+strings.TrimPrefix(file, "vztmpl/")+"; or set lxcTemplate to one that is there: "+list(there),
				"node %s has no container template %s, from which %s is to be made", node, volume, wanted[w]))
		}
	}
	return findings(problems, "all are there")
}

func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
