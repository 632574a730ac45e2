using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Audit;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Every endpoint that writes declares its name in the audit log.</summary>
public sealed partial class AuditRules
{
    private static readonly string[] WriteMethods = [HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch, HttpMethods.Delete];

    /// <summary>
    /// Paths where writes need no audit record: inference, which is metered instead, and the data path of the storage proxy. Extend this list with care.
    /// </summary>
    private static readonly string[] Unaudited =
        ["/v1/inference/", "/oai/v1/", "/v1/sessions/{id}/messages", "/v1/rooms/{id}/messages", "/v1/modules/scaibunker/storage/"];

    /// <summary>Paths below the inference prefixes that must be audited like any other write.</summary>
    private static readonly string[] AuditedBesideInference = ["/v1/inference/batch", "/oai/v1/batches", "/oai/v1/files"];

    private static readonly IReadOnlyList<RouteEndpoint> Endpoints = Hosts.HttpEndpoints();

    // The metrics endpoint accepts every method and only reads.
    private static IEnumerable<RouteEndpoint> Writes => Endpoints.Where(endpoint =>
        endpoint.RoutePattern.RawText != "/metrics" && endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Any(WriteMethods.Contains) is not false);

    [Fact]
    public void EveryWrite_SaysWhatTheAuditLogCallsIt_OrWhyItIsNotThere() => Breaches.None(
        Writes.Where(endpoint => (Audited(endpoint) is null) == (NotAudited(endpoint) is null)).Select(endpoint => endpoint.DisplayName));

    [Fact]
    public void WritesThatAreNotAudited_AreWhereTheyMayBe() => Breaches.None(
        Writes.Where(endpoint => NotAudited(endpoint) is not null)
            .Where(endpoint => !Begins(endpoint, Unaudited) || Begins(endpoint, AuditedBesideInference))
            .Select(endpoint => endpoint.DisplayName));

    /// <summary>A statement outside a transaction would be committed without its audit row.</summary>
    [Fact]
    public void StatementsOfHandlers_RunInATransaction() => Breaches.None(
        SourceTree.Files(".cs").Where(path => path.EndsWith("Endpoints.cs", StringComparison.Ordinal) || path.EndsWith("Handlers.cs", StringComparison.Ordinal))
            .Where(path => SourceTree.Read(path) is var text && ByItself().IsMatch(text) && !text.Contains("TransactAsync(", StringComparison.Ordinal)));

    [Fact]
    public void Reads_AreNotAudited() =>
        Breaches.None(Endpoints.Except(Writes).Where(endpoint => Audited(endpoint) is not null).Select(endpoint => endpoint.DisplayName));

    [Fact]
    public void Actions_AreTheirResourceAndAVerb()
    {
        var audited = Writes.Select(Audited).OfType<AuditedAttribute>().ToList();

        Assert.NotEmpty(audited);
        Assert.All(audited, entry =>
        {
            Assert.Matches(Action(), entry.Action);
            Assert.Matches(Word(), entry.ResourceType);
        });
    }

    private static bool Begins(RouteEndpoint endpoint, string[] prefixes) =>
        prefixes.Any(prefix => endpoint.RoutePattern.RawText!.StartsWith(prefix, StringComparison.Ordinal));

    private static AuditedAttribute? Audited(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<AuditedAttribute>();

    private static NotAuditedAttribute? NotAudited(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<NotAuditedAttribute>();

    [GeneratedRegex(@"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$")]
    private static partial Regex Action();

    [GeneratedRegex(@"\bExecute(Update|Delete)Async\(")]
    private static partial Regex ByItself();

    [GeneratedRegex("^[a-z][a-z0-9_.]*$")]
    private static partial Regex Word();
}
