package backup

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

type urnKey struct{}

// WithURN tells Create which resource it creates: the job's id is made of its project, stack and
// name, and the library passes on the name alone.
func WithURN(ctx context.Context, u urn.URN) context.Context {
	return context.WithValue(ctx, urnKey{}, u)
}

func idFor(ctx context.Context) (string, error) {
	u, found := ctx.Value(urnKey{}).(urn.URN)
	if !found || !u.IsValid() {
		return "", errors.New("no URN to make the id of the backup job from")
	}
	return jobID(u.Project().String(), u.Stack().String(), u.Name()), nil
}
