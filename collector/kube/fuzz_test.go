package kube_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
)

// FuzzAnswers: whatever an API server answers, asking ends, a pod has the name that was asked for, and an error says what to do and
// shows nothing of the answer.
func FuzzAnswers(f *testing.F) {
	const secret = "somebody@corp.example"
	for _, text := range []string{
		"", "null", "{}", "[]", "<html>" + secret, `{"items":null}`, `{"items":[null]}`, `{"items":[{"metadata":{"name":"` + secret + `"}}],"metadata":{"continue":"x"}}`,
		`{"kind":"Status","code":410,"reason":"Expired","message":"` + secret + `"}`, `{"kind":"Status","code":"` + secret + `"}`,
		`{"metadata":{"name":"a","uid":"u","deletionTimestamp":"` + secret + `"},"status":{"containerStatuses":[{"name":"c","state":{"running":{"startedAt":"0000"}}}]}}`,
		`{"items":[{"metadata":{"name":"r","managedFields":[{"manager":"x","fieldsV1":[]}]},"spec":{"groups":"` + secret + `"}}]}`,
		`{"metadata":{"name":"l","resourceVersion":"1"},"spec":{"holderIdentity":7,"leaseDurationSeconds":-1,"renewTime":"x"}}`,
	} {
		f.Add(200, text)
	}
	f.Add(403, secret)
	f.Add(429, `{"kind":"Status","message":"`+secret+`"}`)
	f.Add(500, secret)
	s := fakeapi.New(f)
	c := kube.New(kube.Config{Kubeconfig: s.Kubeconfig(f, ""), Timeout: 10 * time.Second, Tries: 2})
	c.Pauses(func(time.Duration) {})
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status/100 == 3 {
			t.Skip("no answer, or one that is not followed")
		}
		asked := 0
		s.Hook(func(w http.ResponseWriter, _ *http.Request) bool {
			if asked++; asked > 50 {
				panic(http.ErrAbortHandler) // pages without end
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		})
		_, err := c.Pods(t.Context(), "n", "app=a")
		told(t, err, secret)
		_, _, err = c.Pod(t.Context(), "n", "a")
		told(t, err, secret)
		_, err = c.PrometheusRules(t.Context(), "n", "")
		told(t, err, secret)
		_, err = c.Lease(t.Context(), "n", "l")
		told(t, err, secret)
	})
}

func told(t *testing.T, err error, secret string) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "\nhint: ")) {
		t.Errorf("not an error for people: %v", err)
	}
}
