using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ScaiGrid.Tests.Support;

/// <summary>A self-signed certificate for loopback, valid for a day.</summary>
public sealed class TestCertificate : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    public TestCertificate()
    {
        var request = new CertificateRequest("CN=localhost", _key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());

        // As certificate authorities do it: if several have the same name, the issuer is found by its key.
        var key = new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false);
        request.CertificateExtensions.Add(key);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(key));
        var now = TimeProvider.System.GetUtcNow();
        _certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
    }

    /// <summary>The certificate with its key.</summary>
    internal X509Certificate2 Certificate => _certificate;

    public string Pem => _certificate.ExportCertificatePem();

    public string KeyPem => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>Writes the two files named in deploy/nginx-site.conf.</summary>
    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "fullchain.pem"), Pem);
        File.WriteAllText(Path.Combine(folder, "privkey.pem"), KeyPem);
    }

    /// <summary>The server side of a TLS connection.</summary>
    public async Task<Stream> ServeAsync(Stream plain, CancellationToken cancellationToken)
    {
        var connection = new SslStream(plain);
        await connection.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, cancellationToken);
        return connection;
    }

    /// <summary>The options of a client that trusts this certificate and no other.</summary>
    public SslClientAuthenticationOptions TrustOnly()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(_certificate);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}
