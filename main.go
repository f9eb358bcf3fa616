// Command pve-home is the Pulumi program: `pulumi up -s <stack>` runs it.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/stacks"
)

func main() {
	pulumi.Run(stacks.Run)
}
