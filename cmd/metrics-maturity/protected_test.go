package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The password of the user prometheus in tests, and its bcrypt hash.
const (
	webPassword = "a password that only tests know"
	webHash     = "$2a$04$oXEWyE94ssW7j.M59Np9cO1PpGohsACyl9b.d1qenqnd24KhV.LJi"
)

// certificate is a self-signed one for loopback.
type certificate struct {
	file, keyFile string
	pool          *x509.CertPool
}

func newCertificate(t *testing.T) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "loopback"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := certificate{file: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
	for file, block := range map[string]*pem.Block{c.file: {Type: "CERTIFICATE", Bytes: der}, c.keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if parsed, err := x509.ParseCertificate(der); err == nil {
		c.pool.AddCert(parsed)
	}
	return c
}

// webConfig writes one of exporter-toolkit, with TLS and a user.
func webConfig(t *testing.T, c certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yaml")
	text := fmt.Sprintf("tls_server_config: {cert_file: %q, key_file: %q}\nbasic_auth_users: {prometheus: %q}\n", c.file, c.keyFile, webHash)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestServeProtected: with a web configuration, what is served is behind TLS and a password.
func TestServeProtected(t *testing.T) {
	cert := newCertificate(t)
	_, path := serveFiles(t, fmt.Sprintf("serve: {web_config: %q, listen: \"127.0.0.1:0\"}\n", webConfig(t, cert)))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &watch{}
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--config", path}, strings.NewReader(""), io.Discard, log)
	}()
	address := log.wait(t, `msg="Listening on" address=(\S+)`)
	log.wait(t, `msg=assessed`)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cert.pool}}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/metrics", "/-/ready"} {
		for password, want := range map[string]int{"": http.StatusUnauthorized, "guessed": http.StatusUnauthorized, webPassword: http.StatusOK} {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if password != "" {
				req.SetBasicAuth("prometheus", password)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s with %q: %d, want %d", path, password, resp.StatusCode, want)
			}
		}
	}
	if status, _, _ := get(t, request(t, address, "/metrics")); status != http.StatusBadRequest {
		t.Errorf("without TLS: %d", status)
	}
	log.wait(t, `TLS handshake error: client sent an HTTP request`)
	if strings.Contains(strings.Replace(log.String(), address, "", 2), "127.0.0.1") {
		t.Errorf("a client's address is logged:\n%s", log)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
