package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// The SDK says in days when a lifecycle rule removes versions that are no longer current; this
// version of the Terraform provider has a block for it.
const (
	expirationDays  = "noncurrent_version_expiration_days"
	expirationBlock = "noncurrent_expiration"
)

// serveExpirationDays lets minio_ilm_policy take and report the days.
func serveExpirationDays(provider *schema.Provider) error {
	policy := provider.ResourcesMap["minio_ilm_policy"]
	rule, ok := policy.Schema["rule"].Elem.(*schema.Resource)
	if !ok || rule.Schema[expirationBlock] == nil {
		return fmt.Errorf("the rules of minio_ilm_policy have no %s", expirationBlock)
	}
	rule.Schema[expirationDays] = &schema.Schema{Type: schema.TypeInt, Optional: true}
	type operation = func(context.Context, *schema.ResourceData, any) diag.Diagnostics
	translated := func(run operation) operation {
		return func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
			if err := translateRules(d, toBlock); err != nil {
				return diag.FromErr(err)
			}
			if diagnostics := run(ctx, d, meta); diagnostics.HasError() {
				return diagnostics
			}
			return diag.FromErr(translateRules(d, toDays))
		}
	}
	policy.CreateContext = translated(policy.CreateContext)
	policy.UpdateContext = translated(policy.UpdateContext)
	policy.ReadContext = translated(policy.ReadContext)
	return nil
}

func translateRules(d *schema.ResourceData, translate func(rule map[string]any) error) error {
	rules, _ := d.Get("rule").([]any)
	for _, r := range rules {
		rule, ok := r.(map[string]any)
		if !ok {
			return fmt.Errorf("lifecycle rule is a %T", r)
		}
		if err := translate(rule); err != nil {
			return fmt.Errorf("lifecycle rule %v: %w", rule["id"], err)
		}
	}
	return d.Set("rule", rules)
}

func toBlock(rule map[string]any) error {
	if days, ok := rule[expirationDays].(int); ok && days > 0 {
		rule[expirationBlock] = []any{map[string]any{"days": fmt.Sprintf("%dd", days)}}
	}
	return nil
}

func toDays(rule map[string]any) error {
	blocks, _ := rule[expirationBlock].([]any)
	if len(blocks) == 0 {
		return nil
	}
	block, _ := blocks[0].(map[string]any)
	var days int
	if _, err := fmt.Sscanf(fmt.Sprint(block["days"]), "%dd", &days); err != nil {
		return fmt.Errorf("%s %v: %w", expirationBlock, block, err)
	}
	rule[expirationDays], rule[expirationBlock] = days, nil
	return nil
}
