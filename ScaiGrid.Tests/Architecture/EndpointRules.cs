using System.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Identity;
using ScaiGrid.Modules;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Every endpoint declares who may call it.</summary>
public sealed class EndpointRules
{
    /// <summary>
    /// Endpoints without authentication: probes, the reference page, sign-in, avatars of models, and the storage proxy and generated media, whose handlers
    /// check a capability themselves. Extend this list with care.
    /// </summary>
    private static readonly string[] Anonymous =
    [
        "/health", "/health/ready", "/metrics", "/openapi/{documentName}.json", "/docs/{documentName?}", "/docs/favicon.svg",
        "/docs/scalar.aspnetcore.js", "/docs/scalar.js",
        "/v1/auth/identify", "/v1/auth/authorize", "/v1/auth/callback", "/v1/auth/token", "/v1/auth/refresh",
        "/v1/media/{name}", "/v1/models/{model}/avatar",
        "/v1/webhooks/scaikey",
        "/v1/modules/scaibunker/storage/", "/v1/modules/scaibunker/storage/{**key}",
    ];

    private static readonly HashSet<string> Known =
        [.. Permissions.All, .. AllModules.Create().SelectMany(module => module.Manifest.Permissions).Select(permission => permission.Key)];

    private static readonly IReadOnlyList<RouteEndpoint> Endpoints = Hosts.HttpEndpoints();

    [Fact]
    public void Endpoint_SaysWhoMayCall() => Breaches.None(Endpoints.Where(endpoint => !IsAnonymous(endpoint) && !Says(Access(endpoint))).Select(endpoint => endpoint.DisplayName));

    [Fact]
    public void Endpoint_IsAnonymousOrGuarded_NotBoth() =>
        Breaches.None(Endpoints.Where(endpoint => IsAnonymous(endpoint) && Access(endpoint) is not null).Select(endpoint => endpoint.DisplayName));

    [Fact]
    public void AnonymousEndpoints_AreTheListedOnes()
    {
        var anonymous = Endpoints.Where(IsAnonymous).Select(endpoint => endpoint.RoutePattern.RawText!).Distinct().ToList();

        Breaches.None(anonymous.Except(Anonymous).Select(path => $"new: {path}").Concat(Anonymous.Except(anonymous).Select(path => $"gone: {path}")));
    }

    [Fact]
    public void EndpointsOfUsers_AreWhereTheirErrorsAreRendered() => Breaches.None(
        Endpoints.Where(endpoint => !IsAnonymous(endpoint)).Select(endpoint => endpoint.RoutePattern.RawText!)
            .Where(path => !path.StartsWith("/v1/", StringComparison.Ordinal) && !path.StartsWith("/oai/v1/", StringComparison.Ordinal) && path != "/health/detailed"));

    [Fact]
    public void GrpcMethod_SaysWhoMayCall()
    {
        var methods = Product.Types.Where(IsGrpcService)
            .SelectMany(service => service.GetMethods().Where(method => method.GetBaseDefinition().DeclaringType == service.BaseType)).ToList();

        Assert.NotEmpty(methods);
        Breaches.None(methods.Where(method => !Says(method.GetCustomAttribute<AccessAttribute>(inherit: false))).Select(method => $"{method.DeclaringType!.Name}.{method.Name}"));
    }

    private static bool IsAnonymous(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null;

    private static AccessAttribute? Access(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<AccessAttribute>();

    private static bool Says(AccessAttribute? access) =>
        access is not null && (access.Permissions is [_, ..] permissions ? permissions.All(Known.Contains) : !string.IsNullOrWhiteSpace(access.Reason));

    private static bool IsGrpcService(Type type) => type.BaseType?.IsDefined(typeof(BindServiceMethodAttribute), inherit: false) == true;
}
