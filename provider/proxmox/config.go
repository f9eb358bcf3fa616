// Package proxmox holds the provider's configuration: its connection to the API of Proxmox VE.
package proxmox

import (
	"context"
	"errors"
	"net/url"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/pve-home/pve-home/components/pve"
)

// Config is the connection to the cluster. It belongs to the provider rather than to its
// resources, so that no resource's state holds the token.
type Config struct {
	Endpoint string `pulumi:"endpoint,optional"`
	APIToken string `pulumi:"apiToken,optional" provider:"secret"`
	Insecure bool   `pulumi:"insecure,optional"`

	client *pve.Client
}

// Annotate describes the configuration.
func (c *Config) Annotate(a infer.Annotator) {
	a.Describe(&c.Endpoint, "URL of the Proxmox VE API, such as `https://192.168.1.11:8006/`. Needed by BackupJob.")
	a.Describe(&c.APIToken, "API token, `user@realm!tokenid=uuid`. Needed by BackupJob, with the privileges Sys.Audit and Sys.Modify on `/` and Datastore.Allocate on the storage.")
	a.Describe(&c.Insecure, "Accept any certificate of the API.")
}

// Check finds mistakes before a resource needs the connection.
func (*Config) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[*Config], error) {
	// The engine adds the version of the plugin that it wants, which is no setting of ours.
	c, failures, err := infer.DefaultCheck[*Config](ctx, req.NewInputs.Delete("version"))
	if err != nil || len(failures) > 0 {
		return infer.CheckResponse[*Config]{Inputs: c, Failures: failures}, err
	}
	if c.Endpoint != "" && !req.NewInputs.Get("endpoint").HasComputed() && !isAPI(c.Endpoint) {
		failures = append(failures, p.CheckFailure{Property: "endpoint", Reason: "must be a URL such as https://192.168.1.11:8006/"})
	}
	if c.APIToken != "" && !req.NewInputs.Get("apiToken").HasComputed() && !isToken(c.APIToken) {
		failures = append(failures, p.CheckFailure{Property: "apiToken", Reason: "must be user@realm!tokenid=uuid, as pveum prints it"})
	}
	return infer.CheckResponse[*Config]{Inputs: c, Failures: failures}, nil
}

func isAPI(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

func isToken(token string) bool {
	user, secret, found := strings.Cut(token, "=")
	return found && secret != "" && strings.Contains(user, "@") && strings.Contains(user, "!")
}

// Diff updates the provider in place. By default any change of a provider's configuration would
// replace it and with it every resource: a renewed token is no reason to remove a schedule
// (https://github.com/pulumi/pulumi-go-provider/issues/409).
func (*Config) Diff(_ context.Context, req infer.DiffRequest[*Config, *Config]) (infer.DiffResponse, error) {
	changes := map[string]p.PropertyDiff{}
	for property, changed := range map[string]bool{
		"endpoint": req.State.Endpoint != req.Inputs.Endpoint,
		"apiToken": req.State.APIToken != req.Inputs.APIToken,
		"insecure": req.State.Insecure != req.Inputs.Insecure,
	} {
		if changed {
			changes[property] = p.PropertyDiff{Kind: p.Update, InputDiff: true}
		}
	}
	return infer.DiffResponse{HasChanges: len(changes) > 0, DetailedDiff: changes}, nil
}

// Configure prepares the connection; nothing is sent yet.
func (c *Config) Configure(context.Context) error {
	if c.Endpoint != "" && c.APIToken != "" {
		c.client = pve.NewClient(c.Endpoint, c.APIToken, c.Insecure)
	}
	return nil
}

// Client returns the connection of the provider that serves the call.
func Client(ctx context.Context) (*pve.Client, error) {
	c := infer.GetConfig[*Config](ctx)
	if c.client == nil {
		return nil, errors.New("the provider pvehome does not know the cluster: set endpoint and apiToken on the pvehome Provider resource and give it to the resource with pulumi.Provider, or set pvehome:endpoint and pvehome:apiToken in the stack's configuration")
	}
	return c.client, nil
}
