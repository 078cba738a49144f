//go:build peers

package awsapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/awsapi"
)

// oracle is a program that lets Amazon's own verifier judge the messages on its input,
// with the certificate in place of what it would fetch.
const oracle = `
const https = require('https'), fs = require('fs'), { PassThrough } = require('stream');
https.get = (url, answer) => { const body = new PassThrough(); body.statusCode = 200; process.nextTick(() => { answer(body); body.end(fs.readFileSync(process.argv[1])); }); return { on() {} }; };
const Validator = require('sns-validator'), judge = new Validator();
const lines = fs.readFileSync(0, 'utf8').trim().split('\n');
(function next(i) { if (i < lines.length) judge.validate(lines[i], (err) => { console.log(err ? 'no' : 'yes'); next(i + 1); }); })(0);
`

// TestAmazonsVerifierAgrees holds our verifier's idea of what is signed to that of the npm
// package sns-validator, which is looked for where NODE_PATH says.
func TestAmazonsVerifierAgrees(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node")
	}
	if exec.CommandContext(t.Context(), node, "-e", "require('sns-validator')").Run() != nil {
		t.Skip("no npm package sns-validator at NODE_PATH")
	}
	s := newSigner()
	cert := filepath.Join(t.TempDir(), "cert.pem")
	require.NoError(t, os.WriteFile(cert, s.cert, 0o600))
	var lines, want []string
	for _, version := range []string{"1", "2"} {
		plain, without, empty, confirmation := message(version), message(version), message(version), message(version)
		without.Subject, empty.Subject = nil, text("")
		confirmation.Type, confirmation.Token, confirmation.SubscribeURL, confirmation.Subject = awsapi.SubscriptionConfirmation, "y", confirms, nil
		for _, m := range []awsapi.Message{plain, without, empty, confirmation} {
			body := string(s.sign(t, m))
			lines, want = append(lines, body, strings.Replace(body, "m-1", "m-2", 1)), append(want, "yes", "no")
		}
	}
	command := exec.CommandContext(t.Context(), node, "-e", oracle, cert)
	command.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, want, strings.Fields(string(out)))
}
