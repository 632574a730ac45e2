namespace ScaiGrid.Core.Errors;

/// <summary>Errors that do not belong to one feature.</summary>
public static class CoreErrors
{
    public static readonly Error TokenMissing = new("AUTH_TOKEN_MISSING", 401, "Send an API key or token as 'Authorization: Bearer …'.");
    public static readonly Error TokenInvalid = new("AUTH_TOKEN_INVALID", 401, "The API key or token is unknown, expired or revoked.");
    public static readonly Error ServiceTokenInvalid = new("SERVICE_TOKEN_INVALID", 401, "The service token is unknown.");
    public static readonly Error PermissionDenied = new("AUTHZ_PERMISSION_DENIED", 403, "The caller lacks the permission that this call needs.");
    public static readonly Error NotFound = new("NOT_FOUND", 404, "There is no such resource.");
    public static readonly Error Conflict = new("CONFLICT", 409, "The request conflicts with the resource's state.");
    public static readonly Error SlugConflict = new("SLUG_CONFLICT", 409, "The slug is in use.");
    public static readonly Error Validation = new("VALIDATION_ERROR", 422, "The request is not valid.");
    public static readonly Error MalformedJson = new("MALFORMED_JSON", 400, "The body is not valid JSON.");
    public static readonly Error BadRequest = new("BAD_REQUEST", 400, "The request could not be read.");
    public static readonly Error RequestTimeout = new("REQUEST_TIMEOUT", 408, "The body arrived too slowly or incompletely; send the request again.");
    public static readonly Error PayloadTooLarge = new("PAYLOAD_TOO_LARGE", 413, "The body is larger than this endpoint accepts.");
    public static readonly Error RangeNotSatisfiable = new("RANGE_NOT_SATISFIABLE", 416, "The requested range lies outside the object.");
    public static readonly Error UnsupportedMediaType = new("UNSUPPORTED_MEDIA_TYPE", 415, "The body's content type is not supported; send application/json, or a file as multipart/form-data.");
    public static readonly Error MethodNotAllowed = new("METHOD_NOT_ALLOWED", 405, "The path exists, but not with this method.");
    public static readonly Error RateLimited = new("RATE_LIMITED", 429, "Too many calls; wait, and try again.");
    public static readonly Error QuotaExceeded = new("QUOTA_EXCEEDED", 429, "The tenant has no room for this: first delete what is no longer used.");
    public static readonly Error Draining = new("SERVICE_DRAINING", 503, "This replica is shutting down; try again.");
    public static readonly Error Unavailable = new("SERVICE_UNAVAILABLE", 503, "A service that this call depends on is unavailable; try again.");
    public static readonly Error Internal = new("INTERNAL_ERROR", 500, "Something went wrong on our side.");

    /// <summary>The error for a status that the framework set without a body.</summary>
    public static Error ForStatus(int status) => status switch
    {
        401 => TokenInvalid,
        403 => PermissionDenied,
        404 => NotFound,
        405 => MethodNotAllowed,
        408 => RequestTimeout,
        409 => Conflict,
        413 => PayloadTooLarge,
        415 => UnsupportedMediaType,
        416 => RangeNotSatisfiable,
        422 => Validation,
        503 => Unavailable,
        >= 500 => Internal,
        _ => BadRequest,
    };
}
