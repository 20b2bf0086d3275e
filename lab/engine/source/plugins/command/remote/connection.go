// Package remote runs commands and copies files over SSH.
package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Connection is how to reach a host. It is secret as a whole: it may carry a private key.
type Connection struct {
	Host               string   `pulumi:"host"`
	Port               *float64 `pulumi:"port,optional"`
	User               *string  `pulumi:"user,optional"`
	Password           *string  `pulumi:"password,optional"`
	PrivateKey         *string  `pulumi:"privateKey,optional"`
	PrivateKeyPassword *string  `pulumi:"privateKeyPassword,optional"`
	AgentSocketPath    *string  `pulumi:"agentSocketPath,optional"`
	HostKey            *string  `pulumi:"hostKey,optional"`
	DialErrorLimit     *int     `pulumi:"dialErrorLimit,optional"`
	PerDialTimeout     *int     `pulumi:"perDialTimeout,optional"`
	Proxy              *Proxy   `pulumi:"proxy,optional"`
}

// Proxy is known, so that a program which asks for one is refused in words.
type Proxy struct {
	Host string `pulumi:"host"`
}

// Annotate gives the defaults of the published provider; they land in the inputs, as they do there.
func (c *Connection) Annotate(a infer.Annotator) {
	a.SetDefault(&c.User, "root")
	a.SetDefault(&c.Port, 22)
	a.SetDefault(&c.DialErrorLimit, 10)
	a.SetDefault(&c.PerDialTimeout, 15)
}

func (c Connection) address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(int(or(c.Port, 22))))
}

func (c Connection) timeout() time.Duration {
	return time.Duration(or(c.PerDialTimeout, 15)) * time.Second
}

// config gives what the SSH library wants, and how to let go of the agent's socket.
func (c Connection) config() (*ssh.ClientConfig, func(), error) {
	config := &ssh.ClientConfig{User: or(c.User, "root"), HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	if c.Proxy != nil {
		return nil, nil, errors.New("connection.proxy is not in the lab's stand-in for the command provider: " +
			"reach the host directly, or use the published plugin")
	}
	if c.HostKey != nil {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*c.HostKey))
		if err != nil {
			return nil, nil, fmt.Errorf("connection.hostKey is no public key such as 'ssh-ed25519 AAAA…': %w", err)
		}
		// As the published provider asks: by the key's own type, for RSA the signature that OpenSSH offers no more.
		config.HostKeyCallback, config.HostKeyAlgorithms = ssh.FixedHostKey(key), []string{key.Type()}
	}
	if c.PrivateKey != nil {
		signer, err := c.signer()
		if err != nil {
			// The library's errors name the kind of trouble and never the key.
			return nil, nil, fmt.Errorf("connection.privateKey cannot be read: %w", err)
		}
		config.Auth = append(config.Auth, ssh.PublicKeys(signer))
	}
	if c.Password != nil {
		config.Auth = append(config.Auth, ssh.Password(*c.Password), ssh.KeyboardInteractive(c.answer))
	}
	release := func() {}
	if path := c.agentPath(); path != "" {
		socket, err := net.Dial("unix", path)
		if err != nil {
			return nil, nil, fmt.Errorf("no SSH agent at %s: %w", path, err)
		}
		release = func() { _ = socket.Close() }
		config.Auth = append(config.Auth, ssh.PublicKeysCallback(agent.NewClient(socket).Signers))
	}
	return config, release, nil
}

func (c Connection) signer() (ssh.Signer, error) {
	if c.PrivateKeyPassword != nil {
		return ssh.ParsePrivateKeyWithPassphrase([]byte(*c.PrivateKey), []byte(*c.PrivateKeyPassword))
	}
	return ssh.ParsePrivateKey([]byte(*c.PrivateKey))
}

func (c Connection) answer(_, _ string, questions []string, _ []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i := range questions {
		answers[i] = *c.Password
	}
	return answers, nil
}

func (c Connection) agentPath() string {
	return or(c.AgentSocketPath, os.Getenv("SSH_AUTH_SOCK"))
}

func or[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}
