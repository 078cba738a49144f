//go:build peers

package gcpscc_test

import (
	"encoding/json"
	"testing"

	"cloud.google.com/go/pubsub/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/pstest"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/gcpscc"
)

// TestARealPubSubCarriesANotification has a notification go through Google's own Pub/Sub
// test server, and wraps the message that comes out as a push subscription does.
func TestARealPubSubCarriesANotification(t *testing.T) {
	server := pstest.NewServer()
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	publisher, subscriber := pubsubpb.NewPublisherClient(conn), pubsubpb.NewSubscriberClient(conn)
	const topic, subscription = "projects/lab/topics/scc", "projects/lab/subscriptions/scc-quell"
	_, err = publisher.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic})
	require.NoError(t, err)
	_, err = subscriber.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic})
	require.NoError(t, err)
	notification := `{"notificationConfigName":"organizations/1/notificationConfigs/quell","finding":{"name":"organizations/1/sources/2/findings/3","parent":"organizations/1/sources/2",` +
		`"resourceName":"//storage.googleapis.com/lab-bucket","state":"ACTIVE","category":"PUBLIC_BUCKET_ACL","severity":"HIGH","findingClass":"MISCONFIGURATION",` +
		`"eventTime":"2026-03-01T10:00:00Z","createTime":"2026-03-01T09:00:00Z"},"resource":{"name":"//storage.googleapis.com/lab-bucket","projectDisplayName":"lab"}}`
	_, err = publisher.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: []byte(notification), Attributes: map[string]string{"a": "b"}}}})
	require.NoError(t, err)
	pulled, err := subscriber.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 1})
	require.NoError(t, err)
	require.Len(t, pulled.GetReceivedMessages(), 1)
	message, err := protojson.Marshal(pulled.GetReceivedMessages()[0].GetMessage())
	require.NoError(t, err)
	push, err := json.Marshal(map[string]any{"message": json.RawMessage(message), "subscription": subscription})
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, gcpscc.Registration(), nil, push)
	require.NoError(t, err)
	require.Len(t, rec.Observed, 1)
	require.Equal(t, "gcpscc:PUBLIC_BUCKET_ACL", rec.Observed[0].Finding.Check)
}
