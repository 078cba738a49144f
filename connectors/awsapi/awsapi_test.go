package awsapi_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// service answers all calls with one body, and notes them.
type service struct {
	status int
	body   string
	calls  []*http.Request
	sent   []string
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls = append(s.calls, r)
	text, _ := io.ReadAll(r.Body) // it is in memory
	s.sent = append(s.sent, string(text))
	body := s.body
	if strings.HasPrefix(r.URL.Host, "sts.") {
		body = `{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{"AccessKeyId":"ASIAASSUMED","SecretAccessKey":"hunter2hunter2","SessionToken":"session","Expiration":1.795E9}}}}`
	}
	return &http.Response{StatusCode: s.status, Status: http.StatusText(s.status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func login() awsapi.Login {
	return awsapi.Login{Region: "eu-west-1", AccessKeyID: "AKIDEXAMPLE", SecretKey: secret.New("hunter2hunter2")}
}

func at() time.Time { return time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC) }

func call(t *testing.T, s *service, l awsapi.Login) error {
	t.Helper()
	client := awsapi.New(&http.Client{Transport: s}, l, at)
	api, err := client.API(t.Context(), "securityhub", l.Region, awsapi.Host("securityhub", l.Region))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	_, err = api.Copy(t.Context(), httpclient.Call{Path: "/findings", JSON: map[string]int{"MaxResults": 100}}, &out)
	return err
}

// TestRequestsAreSigned holds the signature to one that was computed by the steps of the
// guide ("Signature Version 4") with other tools.
func TestRequestsAreSigned(t *testing.T) {
	s := &service{status: http.StatusOK, body: `{}`}
	require.NoError(t, call(t, s, login()))
	require.Equal(t, "securityhub.eu-west-1.amazonaws.com", s.calls[0].URL.Host)
	require.Equal(t, "20261118T100000Z", s.calls[0].Header.Get("X-Amz-Date"))
	authorization := s.calls[0].Header.Get("Authorization")
	require.Contains(t, authorization, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261118/eu-west-1/securityhub/aws4_request")
	require.Contains(t, authorization, "Signature="+wantSignature)
}

func TestARoleIsAssumedAndItsKeysUsed(t *testing.T) {
	l := login()
	l.RoleARN, l.ExternalID = "arn:aws:iam::111122223333:role/quell", "ext"
	s := &service{status: http.StatusOK, body: `{}`}
	require.NoError(t, call(t, s, l))
	require.Equal(t, "sts.eu-west-1.amazonaws.com", s.calls[0].URL.Host)
	require.Contains(t, s.sent[0], "ExternalId=ext")
	require.Contains(t, s.calls[1].Header.Get("Authorization"), "Credential=ASIAASSUMED/")
	require.Equal(t, "session", s.calls[1].Header.Get("X-Amz-Security-Token"))
}

func TestRefusalsHaveTheirKinds(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		kind   fault.Kind
	}{
		{"throttled by a bad request", http.StatusBadRequest, `{"__type":"ThrottlingException"}`, fault.Throttled},
		{"throttled by EC2", http.StatusServiceUnavailable, `<Code>RequestLimitExceeded</Code>`, fault.Throttled},
		{"denied", http.StatusForbidden, `{"__type":"AccessDeniedException"}`, fault.Denied},
		{"wrong", http.StatusBadRequest, `{"__type":"ValidationException"}`, fault.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := call(t, &service{status: tt.status, body: tt.body}, login())
			require.Equal(t, tt.kind, fault.KindOf(err))
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
	require.ErrorIs(t, call(t, &service{status: http.StatusBadRequest, body: `{"Message":"NextToken is expired"}`}, login()), connectors.ErrExpired)
	require.Equal(t, fault.Invalid, fault.KindOf(call(t, &service{}, awsapi.Login{})))
}

func TestALoginNamesEveryProblem(t *testing.T) {
	l := login()
	require.Empty(t, l.Check())
	require.Empty(t, (&awsapi.Login{}).Check())
	require.Len(t, (&awsapi.Login{Region: "eu west", RoleARN: "x"}).Check(), 3)
	require.Len(t, (&awsapi.Login{Region: "eu-west-1", TokenFile: "/t"}).Check(), 1)
	require.Len(t, (&awsapi.Login{AccessKeyID: "x"}).Check(), 1)
	require.Equal(t, "sns.cn-north-1.amazonaws.com.cn", awsapi.Host("sns", "cn-north-1"))
}

const wantSignature = "c66d77df9e17e57845b7cbbb84d8b76ed215a470cf4998f85c1b12d281b5aa33"
