package lifecycle

import (
	"context"
	"crypto/tls"
	"log/slog"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	temporallog "go.temporal.io/sdk/log"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// Options say how to reach Temporal.
type Options struct {
	Address   string
	Namespace string
	TLS       *tls.Config            // nil: plain, unless an API key is given
	APIKey    secret.String          // Temporal Cloud; empty: none
	Codec     converter.PayloadCodec // transforms every payload, for encryption at rest; nil: none
	Metrics   client.MetricsHandler  // nil: none
	Log       *slog.Logger
	Identity  string // as shown in the Temporal UI; empty: process@host
}

// Dial connects to Temporal and makes sure that it answers. Everything that goes into a
// history or comes out of one passes the codec, summaries and search attributes'
// neighbours included; search attributes themselves never do, since Temporal has to
// read them.
func Dial(ctx context.Context, o Options) (client.Client, error) {
	data := converter.GetDefaultDataConverter()
	if o.Codec != nil {
		data = converter.NewCodecDataConverter(data, o.Codec)
	}
	options := client.Options{
		HostPort: o.Address, Namespace: o.Namespace, Identity: o.Identity,
		DataConverter:  data,
		MetricsHandler: o.Metrics,
		ConnectionOptions: client.ConnectionOptions{
			TLS: o.TLS,
		},
	}
	if o.Codec != nil {
		// A failure's message may quote what the codec is there to hide.
		options.FailureConverter = failureConverter(data)
	}
	if o.Log != nil {
		options.Logger = temporallog.NewStructuredLogger(o.Log.With("component", "temporal"))
	}
	if key := o.APIKey.Reveal(); key != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(key)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "connecting to temporal at "+o.Address)
	}
	return c, nil
}

// EnsureSearchAttributes registers the search attributes that the namespace lacks. A
// cluster may not allow that to us; its operator then does it once by hand.
func EnsureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	operator := c.OperatorService()
	known, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return kinded(err, "listing the search attributes of namespace "+namespace)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range SearchAttributeTypes() {
		if have, ok := known.GetCustomAttributes()[name]; !ok {
			missing[name] = kind
		} else if have != kind {
			return fault.New(fault.Conflict, "looking at the search attributes of namespace %s: %s is a %s there, and has to be a %s", namespace, name, have, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	return kinded(err, "adding search attributes to namespace "+namespace)
}
