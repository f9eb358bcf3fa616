package components

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components/pve"
)

const (
	guardTimeout = 30 * time.Second
	// An engine that was killed leaves a clone task running on the node, which copies a disk.
	unfinishedCloneTimeout = 30 * time.Minute
	// Proxmox gives up on a lock after 10 seconds; by then another clone of the template is done.
	cloneRetryDelay = 5 * time.Second
	cloneRetries    = 5
)

// guard stands before the provider. What would destroy a guest or fail half-way is refused with
// the setting to change, in the preview already.
type guard struct {
	ctx    *pulumi.Context
	client *pve.Client

	// guests are those which the cluster had when the program first asked.
	guests func() (map[int]pve.Guest, error)

	// datastores answers by "node/datastore".
	datastores sync.Map

	// advised holds the advice that was given.
	advised sync.Map
	// unreachable warns once that a preview goes without checks.
	unreachable sync.Once

	creations creations
	// agentPatience is how long a new guest's agent may take.
	agentPatience time.Duration

	// mayMigrate holds the names of the VMs whose node may change.
	mayMigrate sync.Map

	// backups holds the planned jobs by the names of their resources.
	backups sync.Map

	vm, container, file, backup *pulumi.ResourceHookBinding
}

// realOnly are the hooks that a preview does not run.
var realOnly = []string{"creation-begins", "creation-ends", "guest-agent-answers", "guest-agent-answered"}

func newGuard(ctx *pulumi.Context, client *pve.Client) (*guard, error) {
	g := &guard{ctx: ctx, client: client, agentPatience: agentPatience}
	g.guests = sync.OnceValues(func() (map[int]pve.Guest, error) {
		timeout, cancel := context.WithTimeout(ctx.Context(), guardTimeout)
		defer cancel()
		return client.Guests(timeout)
	})
	hooks := map[string]*pulumi.ResourceHook{}
	for name, check := range map[string]pulumi.ResourceHookFunction{
		"vmid-is-free":            g.vmidIsFree,
		"template-exists":         g.templateExists,
		"datastore-fits":          g.datastoreFits,
		"guest-is-complete":       g.guestIsComplete,
		"vm-keeps-disks-and-node": g.vmKeepsDisksAndNode,
		"container-keeps-volumes": g.containerKeepsVolumes,
		"container-keeps-nesting": g.containerKeepsNesting,
		"backup-storage-fits":     g.backupStorageFits,
		"creation-begins":         g.creationBegins,
		"creation-ends":           g.creationEnds,
		"guest-agent-answers":     g.guestAgentAnswers,
		"guest-agent-answered":    g.guestAgentAnswered,
	} {
		inPreview := !slices.Contains(realOnly, name)
		hook, err := ctx.RegisterResourceHook("pve-home:"+name, g.lenientInPreview(check), &pulumi.ResourceHookOptions{OnDryRun: inPreview})
		if err != nil {
			return nil, fmt.Errorf("register the check %s: %w", name, err)
		}
		hooks[name] = hook
	}
	these := func(names ...string) []*pulumi.ResourceHook {
		var list []*pulumi.ResourceHook
		for _, name := range names {
			list = append(list, hooks[name])
		}
		return list
	}
	explain, err := ctx.RegisterErrorHook("pve-home:explain", g.explain)
	if err != nil {
		return nil, fmt.Errorf("register the explanation of errors: %w", err)
	}
	onError := []*pulumi.ErrorHook{explain}
	g.vm = &pulumi.ResourceHookBinding{
		BeforeCreate: these("vmid-is-free", "template-exists", "datastore-fits", "creation-begins"),
		AfterCreate:  these("creation-ends", "guest-agent-answers"),
		BeforeUpdate: these("guest-is-complete", "vm-keeps-disks-and-node"),
		AfterUpdate:  these("guest-agent-answered"),
		OnError:      onError,
	}
	g.container = &pulumi.ResourceHookBinding{
		BeforeCreate: these("vmid-is-free", "datastore-fits", "creation-begins"),
		BeforeUpdate: these("guest-is-complete", "container-keeps-volumes", "container-keeps-nesting"),
		OnError:      onError,
	}
	g.file = &pulumi.ResourceHookBinding{BeforeCreate: these("datastore-fits"), OnError: onError}
	g.backup = &pulumi.ResourceHookBinding{
		BeforeCreate: these("backup-storage-fits"),
		BeforeUpdate: these("backup-storage-fits"),
		OnError:      onError,
	}
	return g, nil
}

// lenientInPreview lets a preview go on where nobody answers: the check of a pull request may run
// on a machine that does not reach the cluster.
func (g *guard) lenientInPreview(check pulumi.ResourceHookFunction) pulumi.ResourceHookFunction {
	return func(args *pulumi.ResourceHookArgs) error {
		err := check(args)
		var unreachable *url.Error
		if !g.ctx.DryRun() || !errors.As(err, &unreachable) {
			return err
		}
		g.unreachable.Do(func() {
			_ = g.ctx.Log.Warn(fmt.Sprintf("the Proxmox API cannot be reached, so this preview does not check VMIDs, templates and datastores: %s", unreachable), nil)
		})
		return nil
	}
}

// vmidIsFree runs before a guest is created. A VMID that is taken means one of three things:
// somebody else's guest, this very guest about to be replaced (a replacement is created before
// the old one is deleted), or what an interrupted update left behind.
func (g *guard) vmidIsFree(args *pulumi.ResourceHookArgs) error {
	vmid := intProperty(args.NewInputs, "vmId")
	if vmid == 0 {
		return nil
	}
	guests, err := g.guests()
	if err != nil {
		g.advise(args.Name, err.Error())
		return fmt.Errorf("%s: %w", args.Name, err)
	}
	there, taken := guests[vmid]
	if !taken {
		return g.keepsVMID(args, guests, vmid)
	}
	if there.Name != args.Name || g.ofAnotherStack(there) {
		return fmt.Errorf("%s: VMID %d is taken by %s. Give %s another vmId, or another address if the VMID comes from the address",
			args.Name, vmid, there, args.Name)
	}
	ctx, cancel := context.WithTimeout(g.ctx.Context(), unfinishedCloneTimeout)
	defer cancel()
	unfinished, err := g.unfinished(ctx, there)
	if err != nil {
		return fmt.Errorf("%s: VMID %d is taken by %s: %w", args.Name, vmid, there, err)
	}
	if !unfinished {
		return fmt.Errorf(`%s: VMID %d is already taken by %s, so this would replace a guest and lose its data.
  If a changed setting asks for a replacement, undo that setting (%s).
  If the guest was left by an interrupted update, bring it into the state:
    pulumi stack export | go run github.com/pve-home/pve-home/scripts/adopt '%s' %d | pulumi stack import
    pulumi up --refresh
  If the state was lost or is old, bring it back from its bucket: docs/operations.md tells how
  If the guest is not needed, remove it on node %s and run again`,
			args.Name, vmid, there, replaceTriggers(args.NewInputs, there), args.URN, vmid, there.Node)
	}
	if g.ctx.DryRun() {
		return nil
	}
	_ = g.ctx.Log.Warn(fmt.Sprintf("%s: VMID %d holds a clone that an interrupted update left behind and that was never started; it is removed and made again",
		args.Name, vmid), nil)
	if err := g.client.Destroy(ctx, there); err != nil {
		return fmt.Errorf("%s: %w", args.Name, err)
	}
	return nil
}

// keepsVMID refuses another VMID for a guest that exists: it would be made anew, empty, and the old
// one removed. A guest is recognised by its name and the tag of its stack.
func (g *guard) keepsVMID(args *pulumi.ResourceHookArgs, guests map[int]pve.Guest, vmid int) error {
	for _, there := range guests {
		if there.Name == args.Name && slices.Contains(strings.Split(there.Tags, ";"), pve.StackTag(g.ctx.Stack())) {
			return fmt.Errorf("%s: the guest exists as VMID %d: %s. As VMID %d it would be made anew and the old one removed with its data. "+
				"Set vmId: %d to keep it (without vmId the VMID follows the address), or remove the old one first",
				args.Name, there.VMID, there, vmid, there.VMID)
		}
	}
	return nil
}

// ofAnotherStack says whether a guest has the tags of another stack than this one. The rest of an
// interrupted creation may have none yet.
func (g *guard) ofAnotherStack(there pve.Guest) bool {
	tags := strings.Split(there.Tags, ";")
	return slices.Contains(tags, pve.ProjectTag) && !slices.Contains(tags, pve.StackTag(g.ctx.Stack()))
}

// unfinished says whether a guest is the rest of an interrupted creation: stopped, and never
// started as far as the node's task log goes back. Such a guest holds nothing but its template.
func (g *guard) unfinished(ctx context.Context, there pve.Guest) (bool, error) {
	if there.Status != "stopped" || there.Template != 0 {
		return false, nil
	}
	config, err := g.client.Config(ctx, there)
	if err != nil {
		return false, err
	}
	lock, locked := config["lock"]
	if locked && lock != "clone" && lock != "create" {
		return false, nil
	}
	starts, err := g.client.Starts(ctx, there)
	if err != nil || starts.Tried {
		return false, err
	}
	if locked && !g.ctx.DryRun() {
		if err := g.client.WaitUnlocked(ctx, there); err != nil {
			return false, fmt.Errorf("wait for its lock %q: %w", lock, err)
		}
	}
	return true, nil
}

func replaceTriggers(inputs resource.PropertyMap, there pve.Guest) string {
	if node := stringProperty(inputs, "nodeName"); node != "" && node != there.Node {
		return fmt.Sprintf("node: %s, the guest is on %s; docs/operations.md tells how to move a container", node, there.Node)
	}
	if there.Type == "lxc" {
		return "of a container these are node, vmId, diskGiB, datastore and unprivileged; grow a disk with `pct resize` on the node, then set diskGiB and run pulumi refresh"
	}
	return "of a VM these are vmId and snippetDatastore"
}

// templateExists runs before a VM is cloned. Of a missing template the provider says only that
// something does not exist.
func (g *guard) templateExists(args *pulumi.ResourceHookArgs) error {
	clone, ok := property(args.NewInputs, "clone")
	if !ok || !clone.IsObject() {
		return nil
	}
	vmid, node := intProperty(clone.ObjectValue(), "vmId"), stringProperty(clone.ObjectValue(), "nodeName")
	guests, err := g.guests()
	if err != nil {
		g.advise(args.Name, err.Error())
		return fmt.Errorf("%s: %w", args.Name, err)
	}
	if there, ok := guests[vmid]; !ok || there.Node != node {
		return fmt.Errorf("%s: there is no template with VMID %d on node %s. Set nodes.%s.templateId to the VMID of a cloud-init template there, and let the API token see it (VM.Audit)",
			args.Name, vmid, node, node)
	}
	return nil
}

// guestIsComplete runs before a guest is updated. Of a creation that failed half-way the state keeps
// what was asked for, so that an update would find nothing to do and report success for a guest that
// was never started. The start is the last step of a creation.
func (g *guard) guestIsComplete(args *pulumi.ResourceHookArgs) error {
	if !boolProperty(args.OldOutputs, "started") {
		return nil
	}
	guests, err := g.guests()
	if err != nil {
		g.advise(args.Name, err.Error())
		return fmt.Errorf("%s: %w", args.Name, err)
	}
	there, ok := guests[intProperty(args.OldOutputs, "vmId")]
	if !ok {
		return fmt.Errorf("%s: VMID %d is not there any more. Run pulumi up --refresh, which makes it again", args.Name, intProperty(args.OldOutputs, "vmId"))
	}
	if there.Status != "stopped" {
		return nil
	}
	ctx, cancel := context.WithTimeout(g.ctx.Context(), guardTimeout)
	defer cancel()
	starts, err := g.client.Starts(ctx, there)
	if err != nil {
		return fmt.Errorf("%s: %w", args.Name, err)
	}
	if starts.Succeeded {
		return nil
	}
	return fmt.Errorf("%s: its creation failed half-way: %s was never started. Run pulumi up --refresh, which reads what is there and makes the rest",
		args.Name, there)
}

// vmKeepsDisksAndNode runs before a VM is updated in place.
func (g *guard) vmKeepsDisksAndNode(args *pulumi.ResourceHookArgs) error {
	// The state after a refresh knows what is really there; inputs only what was asked for.
	was, is := stringProperty(args.OldOutputs, "nodeName"), stringProperty(args.NewInputs, "nodeName")
	if _, may := g.mayMigrate.Load(args.Name); was != "" && was != is && !may {
		return fmt.Errorf("%s: node changes from %s to %s, which moves a running VM with its disks. Set migrate: true to allow it, or set node back to %s",
			args.Name, was, is, was)
	}
	old := diskSizes(args.OldOutputs)
	for name, size := range diskSizes(args.NewInputs) {
		if size < old[name] {
			return fmt.Errorf("%s: disk %s would shrink from %d GiB to %d GiB; Proxmox can only grow disks, and shrinking would lose data. Set it to at least %d GiB",
				args.Name, name, old[name], size, old[name])
		}
		delete(old, name)
	}
	for name, size := range old {
		return fmt.Errorf("%s: disk %s (%d GiB) is no longer in the configuration; removing a disk deletes its data, which pve-home does not do. Detach it in Proxmox and run pulumi refresh, or put it back",
			args.Name, name, size)
	}
	return nil
}

// A node's storage and template are locked for moments; many clones at once then fail with a
// timeout (https://github.com/bpg/terraform-provider-proxmox/issues/995).
var lockTimeout = regexp.MustCompile(`can't lock file|got lock request timeout|got lock timeout|got timeout`)
var whileCloning = regexp.MustCompile(`cloning VM|VM clone`)

// explain runs when an operation of the provider failed: what says only what Proxmox or SSH said
// is followed by what to do.
func (g *guard) explain(args *pulumi.ErrorHookArgs) (bool, error) {
	if len(args.Errors) == 0 {
		return false, nil
	}
	if args.FailedOperation == "create" {
		return g.creationFailed(args), nil
	}
	g.advise(args.Name, args.Errors[0])
	return false, nil
}

// advise says what to do about an error. Advice that holds for many guests is given once.
func (g *guard) advise(name, message string) {
	if g.ctx.DryRun() {
		return // the error itself, or a warning, says enough where nothing was changed
	}
	do := adviceFor(message)
	if _, given := g.advised.LoadOrStore(do, true); !given && do != "" {
		_ = g.ctx.Log.Error(fmt.Sprintf("%s: %s", name, do), nil)
	}
}

func busyTemplate(message string) bool {
	return lockTimeout.MatchString(message) && whileCloning.MatchString(message)
}

func property(m resource.PropertyMap, key string) (resource.PropertyValue, bool) {
	v, ok := m[resource.PropertyKey(key)]
	for ok && (v.IsSecret() || v.IsOutput()) {
		if v.IsSecret() {
			v = v.SecretValue().Element
		} else {
			v = v.OutputValue().Element
		}
	}
	return v, ok
}

func stringProperty(m resource.PropertyMap, key string) string {
	if v, ok := property(m, key); ok && v.IsString() {
		return v.StringValue()
	}
	return ""
}

func intProperty(m resource.PropertyMap, key string) int {
	v, ok := property(m, key)
	switch {
	case ok && v.IsNumber():
		return int(v.NumberValue())
	case ok && v.IsString():
		n, _ := strconv.Atoi(v.StringValue())
		return n
	}
	return 0
}

func boolProperty(m resource.PropertyMap, key string) bool {
	v, ok := property(m, key)
	return ok && v.IsBool() && v.BoolValue()
}

// objects returns the objects of a list.
func objects(m resource.PropertyMap, key string) []resource.PropertyMap {
	list, ok := property(m, key)
	if !ok || !list.IsArray() {
		return nil
	}
	var found []resource.PropertyMap
	for _, item := range list.ArrayValue() {
		if item.IsObject() {
			found = append(found, item.ObjectValue())
		}
	}
	return found
}

// diskSizes returns the sizes in GiB by interface name.
func diskSizes(m resource.PropertyMap) map[string]int {
	sizes := map[string]int{}
	for _, disk := range objects(m, "disks") {
		sizes[stringProperty(disk, "interface")] = intProperty(disk, "size")
	}
	return sizes
}
