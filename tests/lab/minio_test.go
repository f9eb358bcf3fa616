package lab

import (
	"context"
	"strings"
	"testing"
	"time"

	client "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/toolchain"
)

// TestMinioProvider runs the MinIO provider for all that a state store needs: a versioned bucket
// whose old versions end, and a user who may use that bucket only.
func TestMinioProvider(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	l := start(t, Options{})
	provider, err := toolchain.Ensure(ctx, l.root, t.Output(), toolchain.ProviderMinio)
	require.NoError(t, err)
	l.tools[toolchain.ProviderMinio.Name] = provider[toolchain.ProviderMinio.Name]
	require.NoError(t, l.installProvider(toolchain.ProviderMinio))

	local, err := auto.NewLocalWorkspace(ctx, auto.WorkDir(t.TempDir()), auto.Pulumi(l.pulumi), auto.PulumiHome(l.home()),
		auto.EnvVars(l.Environment()), auto.Program(stateStore(l.store)),
		auto.Project(workspace.Project{Name: "minio", Runtime: workspace.NewProjectRuntimeInfo("go", nil)}))
	require.NoError(t, err)
	stack, err := auto.UpsertStack(ctx, "store", local)
	require.NoError(t, err)

	up, err := stack.Up(ctx)
	require.NoError(t, err)
	require.Empty(t, up.StdErr)
	_, err = stack.Preview(ctx, optpreview.ExpectNoChanges(), optpreview.Diff())
	require.NoError(t, err, "a second preview must be empty")
	_, err = stack.Refresh(ctx, optrefresh.ExpectNoChanges())
	require.NoError(t, err, "a refresh must find nothing")
	_, err = stack.Preview(ctx, optpreview.ExpectNoChanges(), optpreview.Diff())
	require.NoError(t, err, "a preview after the refresh must be empty")

	versioning, err := l.store.client.GetBucketVersioning(ctx, "states")
	require.NoError(t, err)
	require.True(t, versioning.Enabled())
	lifecycle, err := l.store.client.GetBucketLifecycle(ctx, "states")
	require.NoError(t, err)
	require.Len(t, lifecycle.Rules, 1)
	require.EqualValues(t, 30, lifecycle.Rules[0].NoncurrentVersionExpiration.NoncurrentDays)

	user, err := client.New(l.store.address, &client.Options{
		Creds: credentials.NewStaticV4("pulumi", up.Outputs["secret"].Value.(string), ""), MaxRetries: 1,
	})
	require.NoError(t, err)
	object := strings.NewReader("{}")
	_, err = user.PutObject(ctx, "states", "state.json", object, object.Size(), client.PutObjectOptions{})
	require.NoError(t, err)
	object = strings.NewReader("{}")
	_, err = user.PutObject(ctx, stateBucket, "state.json", object, object.Size(), client.PutObjectOptions{})
	require.ErrorContains(t, err, "Access Denied", "the policy names one bucket")

	_, err = stack.Destroy(ctx)
	require.NoError(t, err)
	exists, err := l.store.client.BucketExists(ctx, "states")
	require.NoError(t, err)
	require.False(t, exists)
}

func stateStore(s *objectStore) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		provider, err := minio.NewProvider(ctx, "minio", &minio.ProviderArgs{
			MinioServer: pulumi.String(s.address), MinioUser: pulumi.String(s.user), MinioPassword: pulumi.String(s.password),
		})
		if err != nil {
			return err
		}
		with := pulumi.Provider(provider)
		bucket, err := minio.NewS3Bucket(ctx, "states", &minio.S3BucketArgs{
			Bucket: pulumi.String("states"), ForceDestroy: pulumi.Bool(true),
		}, with)
		if err != nil {
			return err
		}
		versioning, err := minio.NewS3BucketVersioning(ctx, "states", &minio.S3BucketVersioningArgs{
			Bucket:                  bucket.Bucket,
			VersioningConfiguration: minio.S3BucketVersioningVersioningConfigurationArgs{Status: pulumi.String("Enabled")},
		}, with)
		if err != nil {
			return err
		}
		if _, err = minio.NewIlmPolicy(ctx, "states", &minio.IlmPolicyArgs{
			Bucket: bucket.Bucket,
			Rules: minio.IlmPolicyRuleArray{minio.IlmPolicyRuleArgs{
				Id: pulumi.String("old-versions"), NoncurrentVersionExpirationDays: pulumi.Int(30),
			}},
		}, with, pulumi.DependsOn([]pulumi.Resource{versioning})); err != nil {
			return err
		}
		user, err := minio.NewIamUser(ctx, "pulumi", &minio.IamUserArgs{Name: pulumi.String("pulumi")}, with)
		if err != nil {
			return err
		}
		policy, err := minio.NewIamPolicy(ctx, "states", &minio.IamPolicyArgs{
			Name: pulumi.String("states"),
			Policy: pulumi.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],` +
				`"Resource":["arn:aws:s3:::states","arn:aws:s3:::states/*"]}]}`),
		}, with)
		if err != nil {
			return err
		}
		_, err = minio.NewIamUserPolicyAttachment(ctx, "states", &minio.IamUserPolicyAttachmentArgs{
			UserName: user.Name, PolicyName: policy.Name,
		}, with)
		ctx.Export("secret", user.Secret)
		return err
	}
}
