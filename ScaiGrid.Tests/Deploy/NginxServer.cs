using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using ScaiGrid.Tests.Support;

namespace ScaiGrid.Tests.Deploy;

/// <summary>
/// Debian's nginx on loopback with an unchanged deploy/nginx.conf. In the two files that it includes, only the values that depend on the machine are
/// replaced: replica addresses, ports, and the access log.
/// </summary>
public sealed partial class NginxServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _httpsPort = FreePort.Next();
    private readonly int _httpPort = FreePort.Next();
    private ServerProcess? _process;

    private NginxServer()
    {
    }

    public Uri Address => new($"https://127.0.0.1:{_httpsPort}");

    public Uri PlainAddress => new($"http://127.0.0.1:{_httpPort}");

    public TestCertificate Certificate { get; } = new();

    public string[] AccessLog => File.ReadAllLines(_folder.File("access.log"));

    private static string Program => Requirement.Program("nginx", "nginx-light");

    // Logs to standard error from the start, and uses none of the files of the system's own nginx.
    private string[] Arguments => ["-p", _folder.Path, "-c", _folder.File("nginx.conf"), "-e", "stderr", "-g", $"daemon off; pid {_folder.File("pid")};"];

    public static async Task<NginxServer> StartAsync(IReadOnlyList<Uri> http, Uri grpc, Uri bunkerProxy)
    {
        var server = new NginxServer();
        try
        {
            server.Write(new() { ["8000"] = http, ["50051"] = [grpc], ["8001"] = [bunkerProxy] });
            server._process = await ServerProcess.StartAsync(Program, server.Arguments, server._httpsPort);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <c>nginx -t</c> with the same configuration.</summary>
    public Task<(int ExitCode, string Output)> CheckAsync() => ServerProcess.RunAsync(Program, ["-t", .. Arguments]);

    public ApiDriver Driver() => new(Address, Secrets.AdminKey, Certificate);

    /// <summary>A handler that trusts the test certificate, for clients other than <see cref="ApiDriver"/>.</summary>
    public SocketsHttpHandler Handler() => new() { SslOptions = Certificate.TrustOnly(), AllowAutoRedirect = false };

    /// <summary>Sends a request to the port of HTTPS that no client would send, and returns the response, after which nginx closes the connection.</summary>
    public async Task<Answer> SendRawAsync(string request, bool secure = true)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Address.Host, Address.Port);
        Stream stream = client.GetStream();
        if (secure)
        {
            var tls = new SslStream(stream);
            var trust = Certificate.TrustOnly();
            trust.TargetHost = Address.Host;
            await tls.AuthenticateAsClientAsync(trust);
            stream = tls;
        }

        await using var connection = stream;
        await connection.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(connection);

        var parts = (await reader.ReadToEndAsync()).Split("\r\n\r\n", 2);
        var lines = parts[0].Split("\r\n");
        var headers = lines[1..].ToDictionary(line => line.Split(": ", 2)[0], line => line.Split(": ", 2)[1], StringComparer.OrdinalIgnoreCase);
        return new Answer((HttpStatusCode)int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), parts[1], headers);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Certificate.Dispose();
        _folder.Dispose();
    }

    /// <param name="replicas">The replicas by the port that the configuration file uses for them.</param>
    private void Write(Dictionary<string, IReadOnlyList<Uri>> replicas)
    {
        File.Copy(Source("nginx.conf"), _folder.File("nginx.conf"));
        File.WriteAllText(
            _folder.File("nginx-upstreams.conf"),
            Server().Replace(
                File.ReadAllText(Source("nginx-upstreams.conf")),
                line => string.Concat(replicas[line.Groups["port"].Value].Select(replica => $"    server {replica.Authority}{line.Groups["options"].Value};\n"))));
        File.WriteAllText(
            _folder.File("nginx-site.conf"),
            File.ReadAllText(Source("nginx-site.conf"))
                .Replace("listen 80;", $"listen 127.0.0.1:{_httpPort};", StringComparison.Ordinal)
                .Replace("listen 443 ", $"listen 127.0.0.1:{_httpsPort} ", StringComparison.Ordinal)
                .Replace("/var/log/nginx/access.log", _folder.File("access.log"), StringComparison.Ordinal));
        Certificate.WriteTo(_folder.File("tls"));
    }

    private static string Source(string name) => Path.Combine(Repository.Root, "deploy", name);

    [GeneratedRegex(@"^ *server 127\.0\.0\.1:(?<port>\d+)(?<options>[^;]*);\n", RegexOptions.Multiline)]
    private static partial Regex Server();
}
