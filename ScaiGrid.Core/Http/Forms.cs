using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>What a form that cannot be read is to its sender.</summary>
public static class Forms
{
    /// <param name="read">Reads the form, and nothing else that may fail as it does.</param>
    /// <exception cref="ApiException">The form is malformed, or ends in the middle.</exception>
    public static async Task<T> ReadAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (InvalidDataException)
        {
            throw new ApiException(CoreErrors.BadRequest, "The form could not be read.");
        }
        catch (IOException exception) when (exception.GetType() == typeof(IOException))
        {
            // What the framework's reader throws; connections that break have types of their own.
            throw new ApiException(CoreErrors.BadRequest, "The form ends in the middle.");
        }
    }
}
